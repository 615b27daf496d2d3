import { execa } from 'execa';
import { UserError } from '../../console.ts';
import { ensureTools } from '../../tools.ts';

/** kind, and the docker engine that it works with. */
export interface KindProgram {
  /** Path of kind. */
  readonly kind: string;
  /** What it and the docker client need in their environment to find the engine; empty for the machine's own. */
  readonly environment: Readonly<Record<string, string>>;
}

export async function kindProgram(environment: KindProgram['environment'] = {}): Promise<KindProgram> {
  return { kind: (await ensureTools(['kind'])).kind, environment };
}

/** Runs kind; its standard output. */
export async function runKind(program: KindProgram, args: readonly string[], input?: string): Promise<string> {
  const result = await execa(program.kind, args, {
    env: program.environment,
    reject: false,
    ...(input === undefined ? {} : { input }),
  });
  if (result.exitCode !== 0) {
    throw new UserError(
      `kind ${args.join(' ')} failed. Where it can't work, "--provider local" needs no docker.\n${result.stderr}`,
    );
  }
  return result.stdout;
}

/** Runs the docker client. */
export async function docker(program: KindProgram, args: readonly string[], input?: string) {
  return execa('docker', args, {
    env: program.environment,
    reject: false,
    ...(input === undefined ? {} : { input }),
  });
}

/** Runs the docker client for something that must work; its standard output. */
export async function mustDocker(program: KindProgram, args: readonly string[], input?: string): Promise<string> {
  const result = await docker(program, args, input);
  if (result.exitCode !== 0) throw new UserError(`docker ${args.join(' ')} failed: ${result.stderr}`);
  return result.stdout;
}
