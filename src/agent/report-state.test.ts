import { describe, expect, it } from 'vitest';
import { type AgentReport, agentReportSchema } from '../contract/agent-report.ts';
import { ReportState, terminationMessage } from './report-state.ts';

const newState = () => new ReportState({ podUid: 'uid', phase: 'Preparing', message: 'Copying.' });

describe('the report', () => {
  it('tells its listeners of each change and of nothing else', () => {
    const state = newState();
    const heard: AgentReport[] = [];
    const unsubscribe = state.subscribe((report) => heard.push(report));
    state.update({ progress: { step: 'Copying', doneBytes: 1 } });
    state.update({ progress: { step: 'Copying', doneBytes: 1 } });
    state.update({ phase: 'DiskReady', progress: undefined });
    unsubscribe();
    state.update({ message: 'Unheard.' });
    expect(heard.map(({ phase, progress }) => [phase, progress?.doneBytes])).toEqual([
      ['Preparing', 1],
      ['DiskReady', undefined],
    ]);
    expect(state.current.message).toBe('Unheard.');
  });

  it('refuses what its readers would not understand', () => {
    expect(() => newState().update({ progress: { step: 'Copying', doneBytes: 0.5 } })).toThrow();
  });
});

describe('the last words of a container', () => {
  it('are the whole report where it fits', () => {
    const { current } = newState();
    expect(JSON.parse(terminationMessage(current))).toEqual(current);
  });

  it.each(['x', 'ä', '"', '€', '😀'])(
    'are whole JSON of at most 3 KiB also after a very long message of %s',
    (letter) => {
      const state = newState();
      const message = letter.repeat(10_000);
      state.update({ message, attempts: [{ source: 'Builtin', reason: 'BuiltinMissing', message }] });
      const words = terminationMessage(state.current);
      expect(Buffer.byteLength(words)).toBeLessThanOrEqual(3072);
      expect(agentReportSchema.parse(JSON.parse(words)).phase).toBe('Preparing');
    },
  );
});
