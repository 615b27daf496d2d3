/** Strings that each half of a pool holds at most. */
const HALF = 4096;
/** Longer ones are hardly ever the same. */
const MOST_CHARACTERS = 128;

/**
 * Gives equal strings as one. A parsed object has its own copy of every string in it, and most of what a thousand
 * objects of a kind say is the same.
 *
 * What nobody asked for while {@link HALF} others were is forgotten.
 */
export class StringPool {
  #recent = new Map<string, string>();
  #older = new Map<string, string>();

  /** This text, as the same string each time. */
  one(text: string): string {
    if (text.length > MOST_CHARACTERS) return text;
    const recent = this.#recent.get(text);
    if (recent !== undefined) return recent;
    const kept = this.#older.get(text) ?? text;
    this.#recent.set(kept, kept);
    if (this.#recent.size >= HALF) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    return kept;
  }
}
