/** gRPC status codes of a provider's responses (grpc/grpc, doc/statuscodes.md). */
export enum Code {
  Unknown = 2,
  DeadlineExceeded = 4,
  NotFound = 5,
  Unimplemented = 12,
}

/** A cloud's rejection, with the real cloud's wording. The engine shows the message with the resource. */
export class CloudError extends Error {
  constructor(
    message: string,
    readonly code: Code = Code.Unknown,
  ) {
    super(message);
    this.name = "CloudError";
  }
}
