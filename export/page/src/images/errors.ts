/** An input that cannot be classified: one sentence about what is wrong, and what to do. */
export class InputError extends Error {
  override name = "InputError";
}

/** An input that this page cannot read, but a command can. */
export class OnlyCommandError extends InputError {
  constructor(reason: string, options = "") {
    super(`${reason}. The page cannot read it; this command can: astroattn classify FILE${options}`);
  }
}
