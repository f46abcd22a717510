import type { Resource, Store } from "../../resources/store";
import type { Properties } from "../../resources/values";
import type { Problem } from "../../schema/schema";

/** Scope of a provider instance, from its configuration and the region or cluster of a single resource. */
export interface Scope {
  /** Twelve-digit account id. Only for AWS. */
  readonly account: string;
  readonly partition: string;
  /** AWS region of the resource. Empty for global resources. */
  readonly region: string;
  /** Name of the Kubernetes cluster. Only for Kubernetes. */
  readonly cluster: string;
  /** Default tags from the AWS provider's configuration. */
  readonly defaultTags: Readonly<Record<string, string>>;
}

/** Context that a behaviour can read. */
export interface Situation {
  readonly inputs: Properties;
  /** Name of the resource in the program. */
  readonly name: string;
  /** Type token of the resource. */
  readonly type: string;
  /** Id of the resource. Empty before it has one. */
  readonly id: string;
  readonly scope: Scope;
  readonly cloud: Store;
  /** The existing resource. Present for updates and deletes. */
  readonly old?: Resource;
  /** Timeout for the creation that the program sets. Absent or 0: the program sets none. */
  readonly timeoutSeconds?: number;
}

/** Rules for the input that names a resource. */
interface Naming {
  /**
   * The input. If the program omits it, the provider generates a name from the resource's own name and a random suffix.
   */
  readonly property: string;
  /** Maximum length of the name. */
  readonly max: number;
  readonly pattern?: RegExp;
  /** Scope in which names are unique. Absent: names need not be unique. */
  readonly unique?: "world" | "account" | "region";
  /** Inputs besides the name that must be equal for a conflict, for example the VPC of a security group. */
  readonly within?: readonly string[];
  /** Returns the real cloud's error message for a name that is taken. */
  readonly taken?: (name: string) => string;
  /** The provider does not generate names. */
  readonly given?: true;
}

/** Behaviour of a resource type beyond its schema. */
export interface Behaviour {
  readonly naming?: Naming;
  /** The cloud's defaults for omitted inputs. They appear only in the outputs. */
  readonly defaults?: Properties;
  /** Inputs that the real provider updates in place, although they are a name or documented to cause a replacement. */
  readonly keeps?: readonly string[];
  /** Paths whose change replaces the resource, in addition to those in the schema. */
  readonly replaces?: readonly string[];
  /** Every change replaces the resource. */
  readonly immutable?: true;
  /** Yields problems of the inputs alone, before any change. Values may be unknown. */
  readonly check?: (situation: Situation) => Iterable<Problem>;
  /** Throws a CloudError if the cloud would reject the creation or the update. */
  readonly verify?: (situation: Situation) => void;
  /** Waits for the duration of the creation; `id` is set. Throws a CloudError if the resource never becomes ready. */
  readonly awaits?: (situation: Situation) => Promise<void>;
  /** Throws a CloudError to reject a deletion, or performs its side effects. */
  readonly remove?: (situation: Situation) => void | Promise<void>;
  /** Side effects in the cloud after a creation or an update. */
  readonly follows?: (situation: Situation) => Promise<void>;
  /** Side effects in the cloud after a deletion. */
  readonly trails?: (situation: Situation) => Promise<void>;
  /** Returns the properties that a read does not refresh, given the known state. They keep their values. */
  readonly unseen?: (known: Properties) => readonly string[];
  /** Property that identifies the resource in an import, if that is not the id. */
  readonly importedBy?: string;
  /** Returns the id of a new resource. */
  readonly id: (situation: Situation) => string;
  /** Returns the properties that the cloud sets after a creation (`id` is set) and after each update. */
  readonly attributes?: (situation: Situation) => Properties;
}

/** A function of a provider. */
export type CloudFunction = (args: Properties, scope: Scope, cloud: Store) => Properties;
