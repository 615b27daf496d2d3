import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFolder } from './folders.ts';
import { NOTHING, outcomeOf, sum, withFailure } from './vitest.ts';

const file = (status: string, message: string, assertionResults: readonly object[]) => ({
  name: join(projectFolder, 'test/some.test.ts'),
  status,
  message,
  assertionResults,
});

const report = (success: boolean, testResults: readonly object[], numFailedTests = 0) => ({
  success,
  numPassedTests: 2,
  numFailedTests,
  numPendingTests: 1,
  numTodoTests: 0,
  numFailedTestSuites: 0,
  testResults,
});

describe('the outcome of a suite', () => {
  test('says of each failed test where it stands and what it said, without the terminal’s colours', () => {
    const failed = {
      fullName: 'a disk is kept',
      status: 'failed',
      failureMessages: ['\u001b[31mexpected 1\u001b[39m'],
    };
    const passed = { fullName: 'a disk is made', status: 'passed', failureMessages: [] };
    expect(outcomeOf(report(false, [file('failed', '', [passed, failed])], 1))).toEqual({
      passed: 2,
      failed: 1,
      skipped: 1,
      failures: ['test/some.test.ts: a disk is kept\nexpected 1'],
    });
  });

  test('counts a file that could not be loaded, and says why', () => {
    expect(outcomeOf(report(false, [file('failed', 'no such module', [])]))).toMatchObject({
      failed: 1,
      failures: ['test/some.test.ts\nno such module'],
    });
  });

  test('counts an error that belongs to no test', () => {
    expect(outcomeOf(report(false, [file('passed', '', [])]))).toMatchObject({
      failed: 1,
      failures: ['an error outside of the tests: see above'],
    });
  });

  test('has no failure where the suite succeeded', () => {
    expect(outcomeOf(report(true, [file('passed', '', [])]))).toMatchObject({ failed: 0, failures: [] });
  });

  test('adds up over suites, failures in their order', () => {
    const one = withFailure(NOTHING, 'one');
    expect(sum([one, { ...NOTHING, passed: 3 }, withFailure(one, 'two')])).toEqual({
      passed: 3,
      failed: 3,
      skipped: 0,
      failures: ['one', 'one', 'two'],
    });
  });
});
