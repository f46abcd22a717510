import { Server, ServerCredentials, type ServerUnaryCall, type ServiceError, type sendUnaryData } from "@grpc/grpc-js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Properties, unmark } from "../../resources/values";
import type { Problem } from "../../schema/schema";
import type { Change } from "./diff";
import { CloudError, Code } from "./errors";
import type { Provider, Target } from "./provider";

export const METHODS = ["create", "update", "delete", "read", "check", "invoke"] as const;
export type Method = (typeof METHODS)[number];

/** The parts of an engine call that the fault plan and the journal use. */
export interface Call {
  readonly provider: string;
  readonly method: Method;
  /** Type token of a resource or function. */
  readonly type: string;
  /** Name of the resource in the program. Empty for a function. */
  readonly name: string;
  /** AWS region whose cloud gets the call. Empty if the call reaches no cloud, such as a check or a diff. */
  readonly region: string;
  readonly preview: boolean;
  /** Returns the requested inputs with plaintext secrets. Only for an error that repeats them. */
  readonly asked: () => Properties;
}

/** Intercepts every call between the engine and the provider, and may make it fail. */
export type Gate = (call: Call, work: () => Promise<void>) => Promise<void>;

export interface RunningServer {
  readonly port: number;
  stop(): void;
}

/** Handles a request: returns the response or throws an error. */
type Handler<Request, Response> = (request: Request, peer: string) => Promise<Response> | Response;

/**
 * Serves a provider to the engine on a free loopback port, for `PULUMI_DEBUG_PROVIDERS`. The engine opens a connection
 * for each provider resource of a program, so the connection identifies the configuration.
 */
export async function serve(provider: Provider, gate: Gate): Promise<RunningServer> {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(ResourceProviderService, implementation(provider, gate));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, stop: () => server.forceShutdown() };
}

function implementation(provider: Provider, gate: Gate) {
  const configurations = new Map<string, Properties>();
  const configured = (peer: string): Properties => configurations.get(peer) ?? {};
  const regionOf = (peer: string, type: string, properties: Struct | undefined): string =>
    provider.regionOf(configured(peer), type, read(properties));

  /** Runs a call behind the gate. @param region empty if the provider asks no cloud for the call */
  const gated = async <Response>(
    method: Method,
    { type, name }: Pick<Target, "type" | "name">,
    region: string,
    preview: boolean,
    work: () => Promise<Response> | Response,
    news?: Struct,
  ): Promise<Response> => {
    let response: Response | undefined;
    const asked = () => unmark(read(news)).values;
    await gate({ provider: provider.name, method, type, name, region, preview, asked }, async () => {
      response = await work();
    });
    return response as Response;
  };

  /** Runs a call that creates or updates a resource, behind the gate. A preview asks no cloud. */
  const changing = <Response>(
    method: Method,
    request: proto.CreateRequest | proto.UpdateRequest,
    peer: string,
    news: Struct | undefined,
    work: (target: Target, news: Properties, preview: boolean) => Promise<Response>,
  ): Promise<Response> => {
    const target = targetOf(request);
    const preview = request.getPreview();
    const region = preview ? "" : regionOf(peer, target.type, news);
    return gated(method, target, region, preview, () => work(target, read(news), preview), news);
  };

  return {
    handshake: unary(() =>
      new proto.ProviderHandshakeResponse().setAcceptSecrets(true).setAcceptResources(true).setAcceptOutputs(true),
    ),
    attach: unary(() => new Empty()),
    cancel: unary(() => new Empty()),
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(provider.version)),
    getSchema: unary(() =>
      new proto.GetSchemaResponse().setSchema(JSON.stringify({ name: provider.name, version: provider.version })),
    ),
    checkConfig: unary((request: proto.CheckRequest) => new proto.CheckResponse().setInputs(request.getNews())),
    diffConfig: unary((request: proto.DiffRequest) => {
      const olds = read(request.getOldInputs() ?? request.getOlds());
      const { changed, replaces } = provider.diffConfiguration(olds, read(request.getNews()));
      return new proto.DiffResponse()
        .setChanges(changed.length > 0 ? Changes.DIFF_SOME : Changes.DIFF_NONE)
        .setDiffsList(changed)
        .setReplacesList([...replaces]);
    }),
    configure: unary((request: proto.ConfigureRequest, peer) => {
      configurations.set(peer, configurationOf(request));
      return new proto.ConfigureResponse()
        .setAcceptsecrets(true)
        .setAcceptresources(true)
        .setAcceptoutputs(true)
        .setSupportspreview(true);
    }),
    check: unary((request: proto.CheckRequest, peer) => {
      const target = targetOf(request);
      return gated("check", target, "", true, () => {
        const seed = request.getRandomseed_asU8();
        const [olds, news] = [read(request.getOlds()), read(request.getNews())];
        const { inputs, problems } = provider.check(configured(peer), target, olds, news, seed);
        return new proto.CheckResponse().setInputs(write(inputs)).setFailuresList(problems.map(failure));
      });
    }),
    diff: unary((request: proto.DiffRequest, peer) => {
      const { type } = targetOf(request);
      const olds = read(request.getOldInputs() ?? request.getOlds());
      const [news, state] = [read(request.getNews()), read(request.getOlds())];
      const { changes, deleteBeforeReplace } = provider.diff(configured(peer), type, olds, news, state);
      const response = new proto.DiffResponse()
        .setChanges(changes.length > 0 ? Changes.DIFF_SOME : Changes.DIFF_NONE)
        .setDiffsList([...new Set(changes.map(({ path }) => topOf(path)))])
        .setReplacesList(changes.filter(({ replaces }) => replaces).map(({ path }) => topOf(path)))
        .setDeletebeforereplace(deleteBeforeReplace)
        .setHasdetaileddiff(true);
      const detailed = response.getDetaileddiffMap();
      for (const change of changes)
        detailed.set(
          change.path,
          new proto.PropertyDiff().setKind(KINDS[change.kind][change.replaces ? 1 : 0]).setInputdiff(true),
        );
      return response;
    }),
    create: unary((request: proto.CreateRequest, peer) =>
      changing("create", request, peer, request.getProperties(), async (target, properties, preview) => {
        const made = await provider.create(configured(peer), target, properties, preview, request.getTimeout());
        return new proto.CreateResponse().setId(made.id).setProperties(write(made.properties));
      }),
    ),
    read: unary((request: proto.ReadRequest, peer) => {
      const target = targetOf(request);
      const id = request.getId();
      const region = regionOf(peer, target.type, request.getProperties() ?? request.getInputs());
      return gated("read", target, region, false, () => {
        const [state, inputs] = [read(request.getProperties()), read(request.getInputs())];
        const found = provider.read(configured(peer), target, id, state, inputs);
        const response = new proto.ReadResponse();
        return found
          ? response.setId(found.id).setInputs(write(found.inputs)).setProperties(write(found.properties))
          : response;
      });
    }),
    update: unary((request: proto.UpdateRequest, peer) =>
      changing("update", request, peer, request.getNews(), async (target, news, preview) => {
        const [state, oldInputs] = [read(request.getOlds()), read(request.getOldInputs())];
        const properties = await provider.update(
          configured(peer),
          target,
          request.getId(),
          state,
          oldInputs,
          news,
          preview,
        );
        return new proto.UpdateResponse().setProperties(write(properties));
      }),
    ),
    delete: unary((request: proto.DeleteRequest, peer) => {
      const target = targetOf(request);
      return gated("delete", target, regionOf(peer, target.type, request.getProperties()), false, async () => {
        await provider.delete(configured(peer), target, request.getId(), read(request.getProperties()));
        return new Empty();
      });
    }),
    invoke: unary((request: proto.InvokeRequest, peer) => {
      const token = request.getTok();
      return gated("invoke", { type: token, name: "" }, regionOf(peer, token, request.getArgs()), false, () => {
        const { result, problems } = provider.invoke(configured(peer), token, read(request.getArgs()));
        return new proto.InvokeResponse().setReturn(write(result)).setFailuresList(problems.map(failure));
      });
    }),
    parameterize: refused("Parameterize"),
    call: refused("Call"),
    construct: refused("Construct"),
    getMapping: refused("GetMapping"),
    getMappings: refused("GetMappings"),
  };
}

const Changes = proto.DiffResponse.DiffChanges;
const { Kind } = proto.PropertyDiff;

/** Kinds of change, without and with a replacement. */
const KINDS = {
  add: [Kind.ADD, Kind.ADD_REPLACE],
  delete: [Kind.DELETE, Kind.DELETE_REPLACE],
  update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
} as const satisfies Record<Change["kind"], readonly [number, number]>;

function unary<Request, Response>(handler: Handler<Request, Response>) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    Promise.resolve()
      .then(() => handler(call.request, call.getPeer()))
      .then(
        (response) => callback(null, response),
        (error) => callback(statusOf(error)),
      );
  };
}

function refused(method: string) {
  return unary((): never => {
    throw new CloudError(`the local cloud does not implement ${method}`, Code.Unimplemented);
  });
}

function statusOf(error: unknown): Partial<ServiceError> {
  if (error instanceof CloudError) return { code: error.code as number, details: error.message };
  console.error(error instanceof Error ? error.stack : error);
  return {
    code: Code.Unknown as number,
    details: `the local cloud failed: ${error instanceof Error ? error.message : error}`,
  };
}

function targetOf(request: { getUrn(): string; getType(): string; getName(): string }): Target {
  const urn = request.getUrn();
  const [, , qualified = "", name = ""] = urn.split("::");
  return {
    urn,
    type: request.getType() || (qualified.split("$").at(-1) ?? qualified),
    name: request.getName() || name,
  };
}

/** Parses a configuration: the SDK encodes values that are not strings as JSON. */
function configurationOf(request: proto.ConfigureRequest): Properties {
  return Object.fromEntries(
    Object.entries(unmark(read(request.getArgs())).values).map(([key, value]) => [
      key,
      typeof value === "string" ? parsed(value) : value,
    ]),
  );
}

function parsed(value: string): unknown {
  if (!/^(\[|\{|true$|false$)/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // A string that only looks like JSON.
  }
}

function topOf(path: string): string {
  return path.split(/[.[]/)[0] ?? path;
}

function failure({ property, reason }: Problem): proto.CheckFailure {
  return new proto.CheckFailure().setProperty(property).setReason(reason);
}

function read(struct: Struct | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

function write(properties: Properties): Struct {
  // The message format cannot represent undefined.
  const present = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
  return Struct.fromJavaScript(present as Record<string, JavaScriptValue>);
}
