/** Something that happened to an object, for people. */
export interface Happening {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, at most 128 characters. */
  readonly reason: string;
  /** CamelCase: what was being done. */
  readonly action: string;
  /** At most 1,024 bytes; longer ones are cut. */
  readonly note: string;
}
