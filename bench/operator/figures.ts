import type { ColdStart } from './cold-start.ts';
import type { Creation } from './create.ts';
import type { Failover } from './failover.ts';
import type { Idle } from './idle.ts';
import type { Outage } from './outage.ts';
import type { Prices } from './prices.ts';
import type { Restart } from './restart.ts';

/** Everything that was measured of one subject; what was left out is absent. */
export interface Figures {
  readonly coldStarts: readonly ColdStart[];
  readonly creations: readonly Creation[];
  readonly idle?: Idle & { readonly size: number };
  readonly restart?: Restart & { readonly size: number };
  readonly prices?: Prices;
  readonly outages: readonly Outage[];
  readonly failovers: readonly Failover[];
}

/** Who was measured. `peer` is RabbitMQ's operator. */
export type Who = 'floor' | 'peer' | 'ours';

export type AllFigures = Readonly<Partial<Record<Who, Figures>>>;
