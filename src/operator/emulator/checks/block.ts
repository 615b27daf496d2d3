/** Something that keeps the operator from doing what the spec asks. */
export interface Block {
  /** `Stalled` needs somebody to change something; `Waiting` goes away by itself. */
  readonly kind: 'Stalled' | 'Waiting';
  readonly reason: string;
  readonly message: string;
}
