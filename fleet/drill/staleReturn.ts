import { randomBytes } from "node:crypto";
import { type Account, type FlowHeader, LangFlow, type Variable } from "./langflow";
import { NAMES } from "./ordinaryUser";
import type { Check } from "./report";

/** Clients for one region, authenticated as the drill's user and as the superuser. */
export interface InRegion {
  readonly region: string;
  readonly hers: LangFlow;
  readonly admin: LangFlow;
}

/** A region's current state of everything that a drill changes, as its users see it. */
export interface Holdings {
  readonly region: string;
  readonly flows: readonly FlowHeader[];
  readonly projects: readonly { readonly id: string; readonly name: string }[];
  readonly variables: readonly Variable[];
  readonly files: readonly { readonly id: string }[];
  readonly accounts: readonly Account[];
  /** Whether the region still accepts the key that is revoked during the outage. */
  readonly isKeyAccepted: boolean;
}

/** An object that changes in the survivor while the region is offline. */
interface Thing {
  /** Short statement of what must be true in every region after the return. */
  readonly promise: string;
  /** Returns whether a region has the object in its initial state. */
  wasBefore(held: Holdings): boolean;
  /**
   * Makes the last change in the drilled region itself, just before the fault, so that the change does not replicate.
   */
  sayLast?(): Promise<void>;
  /** Makes the change in the survivor. */
  change?(survivor: InRegion): Promise<void>;
  isKept(held: Holdings): boolean;
  /** Returns an additional remark for the report, if any. */
  note?(): string | undefined;
}

/** Descriptions and values that identify when they were written. */
const [BEFORE, LAST, MEANWHILE] = ["before", "said last", "meanwhile"];

const inside = (list: readonly { readonly id: string }[], id: string): boolean => list.some((each) => each.id === id);

const says = ({ flows }: Pick<Holdings, "flows">, id: string): string | null | undefined =>
  flows.find((each) => each.id === id)?.description;

async function editedFlow({ hers }: InRegion, name: string): Promise<Thing> {
  const id = await hers.createEmpty(`${name} edited`, BEFORE);
  return {
    promise: "a flow edited during the outage keeps that edit",
    wasBefore: (held) => says(held, id) === BEFORE,
    change: (survivor) => survivor.hers.describe(id, MEANWHILE),
    isKept: (held) => says(held, id) === MEANWHILE,
  };
}

async function deletedFlow({ hers }: InRegion, name: string): Promise<Thing> {
  const id = await hers.createEmpty(`${name} deleted`, BEFORE);
  return {
    promise: "a flow deleted during the outage stays deleted",
    wasBefore: ({ flows }) => inside(flows, id),
    change: (survivor) => survivor.hers.delete(id),
    isKept: ({ flows }) => !inside(flows, id),
  };
}

async function madeFlow(_: InRegion, name: string): Promise<Thing> {
  let id = "";
  return {
    promise: "a flow created during the outage exists",
    wasBefore: () => true,
    async change({ hers }) {
      id = await hers.createEmpty(`${name} made`, MEANWHILE);
    },
    isKept: (held) => says(held, id) === MEANWHILE,
  };
}

/** Creates a flow that the drilled region itself edits last, just before the fault. */
async function unsent({ hers }: InRegion, name: string) {
  const id = await hers.createEmpty(name, BEFORE);
  let hadLeft = false;
  return {
    id,
    wasBefore: (held: Holdings) => says(held, id) === BEFORE,
    sayLast: () => hers.save(id, LAST, LAST),
    /** Records whether the edit reached the survivor before the fault after all. */
    async look(survivor: InRegion): Promise<void> {
      hadLeft = says({ flows: await survivor.hers.flows() }, id) === LAST;
    },
    hadLeft: () => hadLeft,
    note: () =>
      hadLeft ? "the edit had already been replicated before the fault, so this check proves nothing" : undefined,
  };
}

async function unsentEdit(region: InRegion, name: string): Promise<Thing> {
  const { id, wasBefore, sayLast, look, note } = await unsent(region, `${name} unsent`);
  return {
    promise: "an edit that was not replicated before the outage is not lost",
    wasBefore,
    sayLast,
    change: look,
    isKept: (held) => says(held, id) === LAST,
    note,
  };
}

async function contestedFlow(region: InRegion, name: string): Promise<Thing> {
  const contested = `${name} contested`;
  const { id, wasBefore, sayLast, look, hadLeft, note } = await unsent(region, contested);
  return {
    promise: "an edit that was not replicated before the outage is kept as a copy next to a later edit",
    wasBefore,
    sayLast,
    async change(survivor) {
      await look(survivor);
      await survivor.hers.save(id, MEANWHILE, MEANWHILE);
    },
    isKept(held) {
      const copies = held.flows.filter((each) => each.id !== id && each.name.startsWith(contested));
      return says(held, id) === MEANWHILE && (hadLeft() || copies.some(({ description }) => description === LAST));
    },
    note,
  };
}

async function survivingEdit(region: InRegion, name: string): Promise<Thing> {
  const { id, wasBefore, sayLast, look, hadLeft, note } = await unsent(region, `${name} edited and deleted`);
  return {
    promise: "an edit that was not replicated before the outage survives a delete",
    wasBefore,
    sayLast,
    async change(survivor) {
      await look(survivor);
      await survivor.hers.delete(id);
    },
    isKept: (held) => says(held, id) === (hadLeft() ? undefined : LAST),
    note,
  };
}

async function deletedProject({ hers }: InRegion, name: string): Promise<Thing> {
  const id = await hers.makeProject(`${name} deleted`);
  const flow = await hers.createEmpty(`${name} in the project`, BEFORE, id);
  return {
    promise: "a project deleted during the outage stays deleted, with its flow",
    wasBefore: ({ projects, flows }) => inside(projects, id) && inside(flows, flow),
    change: (survivor) => survivor.hers.removeProject(id),
    isKept: ({ projects, flows }) => !inside(projects, id) && !inside(flows, flow),
  };
}

async function renamedProject({ hers }: InRegion, name: string): Promise<Thing> {
  const [before, renamed] = [`${name} before`, `${name} renamed`];
  const id = await hers.makeProject(before);
  const isCalled = ({ projects }: Holdings, called: string) =>
    projects.some((each) => each.id === id && each.name === called);
  return {
    promise: "a project renamed during the outage keeps its new name",
    wasBefore: (held) => isCalled(held, before),
    change: (survivor) => survivor.hers.renameProject(id, renamed),
    isKept: (held) => isCalled(held, renamed),
  };
}

function revokedKey(id: string): Thing {
  return {
    promise: "a key revoked during the outage stays revoked",
    wasBefore: ({ isKeyAccepted }) => isKeyAccepted,
    change: (survivor) => survivor.hers.removeKey(id),
    isKept: ({ isKeyAccepted }) => !isKeyAccepted,
  };
}

async function changedVariable({ hers }: InRegion): Promise<Thing> {
  const id = await hers.makeVariable(`${NAMES.variable}_CHANGED`, BEFORE, "Generic");
  const isWorth = ({ variables }: Holdings, value: string) =>
    variables.some((each) => each.id === id && each.value === value);
  return {
    promise: "a variable changed during the outage keeps that value",
    wasBefore: (held) => isWorth(held, BEFORE),
    change: (survivor) => survivor.hers.changeVariable(id, MEANWHILE),
    isKept: (held) => isWorth(held, MEANWHILE),
  };
}

async function deletedVariable({ hers }: InRegion): Promise<Thing> {
  const id = await hers.makeVariable(`${NAMES.variable}_DELETED`, BEFORE, "Generic");
  return {
    promise: "a variable deleted during the outage stays deleted",
    wasBefore: ({ variables }) => inside(variables, id),
    change: (survivor) => survivor.hers.removeVariable(id),
    isKept: ({ variables }) => !inside(variables, id),
  };
}

/** Creates an active account with a random password that is not stored. */
async function account({ admin }: InRegion, username: string): Promise<string> {
  const id = await admin.makeUser(username, randomBytes(24).toString("base64url"));
  await admin.changeUser(id, { is_active: true });
  return id;
}

async function deactivatedUser(region: InRegion, suffix: string): Promise<Thing> {
  const id = await account(region, `${NAMES.account}deactivated-${suffix}`);
  const isActive = ({ accounts }: Holdings) => accounts.find((each) => each.id === id)?.is_active;
  return {
    promise: "a user deactivated during the outage stays locked out",
    wasBefore: (held) => isActive(held) === true,
    change: ({ admin }) => admin.changeUser(id, { is_active: false }),
    isKept: (held) => isActive(held) === false,
  };
}

async function deletedUser(region: InRegion, suffix: string): Promise<Thing> {
  const id = await account(region, `${NAMES.account}deleted-${suffix}`);
  return {
    promise: "a user deleted during the outage stays deleted",
    wasBefore: ({ accounts }) => inside(accounts, id),
    change: ({ admin }) => admin.removeUser(id),
    isKept: ({ accounts }) => !inside(accounts, id),
  };
}

async function deletedFile({ hers }: InRegion): Promise<Thing> {
  const { id } = await hers.upload(`${NAMES.file}deleted.txt`, BEFORE);
  return {
    promise: "a file deleted during the outage stays deleted",
    wasBefore: ({ files }) => inside(files, id),
    change: (survivor) => survivor.hers.remove(id),
    isKept: ({ files }) => !inside(files, id),
  };
}

/**
 * Checks that a region that was offline while the others continued does not revert their changes. The drill creates
 * objects before the fault, changes and deletes them in the survivor during the outage, and checks every region after
 * the return.
 */
export class StaleReturn {
  private constructor(
    private readonly things: readonly Thing[],
    /** API key that is revoked during the outage. */
    private readonly key: string,
  ) {}

  /** @param drill id of the drill, part of the created objects' names */
  static async make(region: InRegion, drill: string): Promise<StaleReturn> {
    const name = `${NAMES.flow}${drill}`;
    const key = await region.hers.makeKey(`${NAMES.account}revoked`);
    const things = await Promise.all([
      editedFlow(region, name),
      deletedFlow(region, name),
      madeFlow(region, name),
      unsentEdit(region, name),
      contestedFlow(region, name),
      survivingEdit(region, name),
      deletedProject(region, name),
      renamedProject(region, name),
      revokedKey(key.id),
      changedVariable(region),
      deletedVariable(region),
      deactivatedUser(region, drill.toLowerCase()),
      deletedUser(region, drill.toLowerCase()),
      deletedFile(region),
    ]);
    return new StaleReturn(things, key.api_key);
  }

  async isIn(region: InRegion): Promise<boolean> {
    const held = await this.look(region);
    return this.things.every((thing) => thing.wasBefore(held));
  }

  /**
   * Makes the last changes in the drilled region. Errors are ignored here, because the checks detect a missing change.
   */
  async sayLast(): Promise<void> {
    await Promise.allSettled(this.things.map((thing) => thing.sayLast?.()));
  }

  async change(survivor: InRegion): Promise<void> {
    for (const thing of this.things) await thing.change?.(survivor);
  }

  async checks(regions: readonly InRegion[]): Promise<Check[]> {
    const held = await Promise.all(regions.map((region) => this.look(region)));
    return this.things.map((thing) => {
      const broken = held.filter((each) => !thing.isKept(each)).map(({ region }) => region);
      const where = broken.length > 0 ? `not true in ${broken.join(", ")}` : `true in ${regionsOf(held)}`;
      const note = thing.note?.();
      return { name: thing.promise, passed: broken.length === 0, said: note ? `${where}; ${note}` : where };
    });
  }

  private async look({ region, hers, admin }: InRegion): Promise<Holdings> {
    const [flows, projects, variables, files, accounts, isKeyAccepted] = await Promise.all([
      hers.flows(),
      hers.projects(),
      hers.variables(),
      hers.files(),
      admin.users(NAMES.account),
      new LangFlow(hers.url, { "x-api-key": this.key }).isAccepted(),
    ]);
    return { region, flows, projects, variables, files, accounts, isKeyAccepted };
  }
}

const regionsOf = (held: readonly Holdings[]): string => held.map(({ region }) => region).join(", ");
