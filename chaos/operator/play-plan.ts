import type { Done, Saboteur } from './damage.ts';
import type { Faults } from './faults.ts';
import type { Damage, Fault, Plan } from './plan.ts';
import { play } from './play.ts';
import type { User } from './user.ts';

/** Who carries a plan out. */
export interface Players {
  readonly user: User;
  readonly saboteur: Saboteur;
  readonly faults: Faults;
  /** Told what was done, and when, in milliseconds since the beginning. */
  readonly tell: (atMs: number, what: string) => void;
}

/** Carries out a plan; resolves with the damages that met something when everything works again. */
export async function playPlan(
  { actions, damages, faults }: Pick<Plan, 'actions' | 'damages' | 'faults'>,
  players: Players,
): Promise<Done[]> {
  const { tell } = players;
  const startedAt = performance.now();
  const done: Done[] = [];
  const acting = play(actions, startedAt, nameOf, async (what, atMs) => {
    await players.user.act(what);
    tell(atMs, JSON.stringify(what));
  });
  const strike = async (what: Damage): Promise<void> => {
    const struck = await players.saboteur.strike(what);
    if (struck !== undefined) done.push(struck);
    tell(performance.now() - startedAt, `${what.kind} ${struck === undefined ? 'met nothing' : struck.target}`);
  };
  const striking = play(damages, startedAt, oneLane, strike);
  const failing = play(faults, startedAt, laneOf, async (what, atMs) => {
    const whom = await players.faults.bringAbout(what, strike);
    tell(atMs, `${JSON.stringify(what)} ${whom}`);
  });
  await Promise.all([acting, striking, failing]).finally(() => players.faults.end());
  tell(performance.now() - startedAt, 'everything works again');
  return done;
}

/** What concerns one Emulator happens in its order. */
function nameOf(what: Plan['actions'][number]['what']): string {
  return 'wanted' in what ? what.wanted.name : what.name;
}

function oneLane(): string {
  return 'damage';
}

function laneOf({ kind }: Fault): string {
  if (kind === 'KillApiServer' || kind === 'StopEtcd') return 'server';
  if (kind === 'Cut' || kind === 'HalfOpen') return 'network';
  return kind;
}
