/** What a process that will be killed is to do meanwhile. `Start`: a preparation and what a guest's life records. */
export type Work = 'Prepare' | 'Import' | 'Both' | 'Start';

/** A kill at a step of the volume's files, by the process itself. */
export interface StepKill {
  readonly step: number;
  readonly side: 'Before' | 'After';
  readonly scope: KillScope;
}

/** `Pod`: all processes at once. `Process`: the agent alone; programs that it started live on for a moment. */
export type KillScope = 'Pod' | 'Process';

/** The argument of victim.ts. */
export interface VictimOrder {
  readonly root: string;
  readonly work: Work;
  /** The oras binary. */
  readonly oras: string;
  /** The disk that an import brings. */
  readonly input?: string;
  readonly kill?: StepKill;
  /** Where it makes a folder for each promise that it gives (see promises.ts); nowhere unless told. */
  readonly marks?: string;
}
