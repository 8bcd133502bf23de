/** What a person did before the first script ran, and the page as it was then; `boot.ts` keeps it. */
export interface Early {
  /** The first view in the page's own language, as the file has it. */
  readonly shell: string;
  readonly files: File[];
  /** Dropped or pasted outside the box; what is in the box is read from it. */
  text: string;
  clicked?: HTMLElement;
  /** Ends the keeping: the page listens itself. */
  readonly stop: () => void;
  /** Unpacks the next of the page's two scripts, and runs it. */
  readonly runNext: () => void;
}

declare global {
  var vmxlensEarly: Early | undefined;
}

/** Longer texts are looked at, not written: a text area of some megabytes stops the page for seconds. */
export const WRITABLE = 200_000;
