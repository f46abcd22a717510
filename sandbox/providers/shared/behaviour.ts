import type { Resource, Store } from "../../resources/store";
import type { Properties } from "../../resources/values";
import type { Problem } from "../../schema/schema";

/** Where a provider instance works: what its configuration says, beside the region or cluster of a single resource. */
export interface Scope {
  /** Twelve digits; AWS only. */
  readonly account: string;
  readonly partition: string;
  /** The resource's AWS region; empty for what lives in none. */
  readonly region: string;
  /** Name of the Kubernetes cluster; Kubernetes only. */
  readonly cluster: string;
  /** AWS tags that the provider's configuration puts on everything. */
  readonly defaultTags: Readonly<Record<string, string>>;
}

/** All that a behaviour may look at. */
export interface Situation {
  readonly inputs: Properties;
  /** The resource's name in the program. */
  readonly name: string;
  /** Its type token. */
  readonly type: string;
  /** Its id; empty before it has one. */
  readonly id: string;
  readonly scope: Scope;
  readonly cloud: Store;
  /** What is there already: present on update and delete. */
  readonly old?: Resource;
  /** The program's own limit for making it; absent or 0 where it has none. */
  readonly timeoutSeconds?: number;
}

/** How a resource is named by one of its inputs. */
interface Naming {
  /** The input. Where the program leaves it out, the provider makes a name of the resource's own and a random end. */
  readonly property: string;
  /** Longest name allowed. */
  readonly max: number;
  readonly pattern?: RegExp;
  /** Where no two may have the same name; absent: anywhere they may. */
  readonly unique?: "world" | "account" | "region";
  /** Inputs beside the name that must be equal for a clash, for example the VPC of a security group. */
  readonly within?: readonly string[];
  /** The real cloud's words when the name is taken. */
  readonly taken?: (name: string) => string;
  /** The provider does not make names for it. */
  readonly given?: true;
}

/** What one type of resource does beyond its schema. */
export interface Behaviour {
  readonly naming?: Naming;
  /** What the cloud takes for inputs left out; these show in the outputs only. */
  readonly defaults?: Properties;
  /** Changed in place by the real provider, though a name, or documented as replacing. */
  readonly keeps?: readonly string[];
  /** Paths whose change makes a new resource, beside those the schema knows. */
  readonly replaces?: readonly string[];
  /** Every change makes a new resource. */
  readonly immutable?: true;
  /** Problems of the inputs alone, found before anything is made. Values may be unknown. */
  readonly check?: (situation: Situation) => Iterable<Problem>;
  /** Refuses, by a CloudError, what the cloud would refuse when the resource is made or changed. */
  readonly verify?: (situation: Situation) => void;
  /** The time it takes to be made, `id` set; refuses, by a CloudError, what never comes to be ready. */
  readonly awaits?: (situation: Situation) => Promise<void>;
  /** Refuses, by a CloudError, a deletion; or does what else a deletion does. */
  readonly remove?: (situation: Situation) => void | Promise<void>;
  /** What the cloud does by itself once the resource is made or changed. */
  readonly follows?: (situation: Situation) => Promise<void>;
  /** What it does once the resource is gone. */
  readonly trails?: (situation: Situation) => Promise<void>;
  /** Properties that reading does not see, given what the state holds: they stay as that has them. */
  readonly unseen?: (known: Properties) => readonly string[];
  /** The property an import names the resource by, where that is not the id. */
  readonly importedBy?: string;
  /** The id of a new resource. */
  readonly id: (situation: Situation) => string;
  /** What the cloud sets, once the resource exists (`id` is set) and after each change. */
  readonly attributes?: (situation: Situation) => Properties;
}

/** A function of a provider. */
export type CloudFunction = (args: Properties, scope: Scope, cloud: Store) => Properties;
