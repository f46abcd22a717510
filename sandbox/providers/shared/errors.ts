/** gRPC status codes a provider answers with (grpc/grpc, doc/statuscodes.md). */
export enum Code {
  Unknown = 2,
  DeadlineExceeded = 4,
  NotFound = 5,
  Unimplemented = 12,
}

/** What a cloud refuses, in the words of the real one. The engine shows the message with the resource. */
export class CloudError extends Error {
  constructor(
    message: string,
    readonly code: Code = Code.Unknown,
  ) {
    super(message);
    this.name = "CloudError";
  }
}
