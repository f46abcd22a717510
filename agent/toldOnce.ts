/** What was told last of each thing: the same again is no news. */
export class ToldOnce {
  readonly #told = new Map<string, string>();

  /** @param message empty: there is nothing to tell any more */
  isNews(about: string, message: string): boolean {
    const news = message !== "" && this.#told.get(about) !== message;
    this.#told.set(about, message);
    return news;
  }

  forget(about: string): void {
    this.#told.delete(about);
  }
}
