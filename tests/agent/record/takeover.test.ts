import { findSecrets } from "../../../formats/flows/secretScan";
import { A, B, Fleet, graph, textOf } from "./fleet";

const ONE = "default/One.json";
const regions = ["us-east", "eu-west"];

/** Records a flow in us-east and replicates it to eu-west. */
async function recordedInEast() {
  const fleet = await Fleet.make({ regions });
  const [east, west] = [fleet.region("us-east"), fleet.region("eu-west")];
  east.langflow.save(A, { name: "One", data: graph("first") });
  await fleet.cycle("us-east");
  west.langflow.replicate(east.langflow);
  return { fleet, east, west };
}

it("the next recorder imports from Git what the lost recorder had committed but not replicated, and reverts nothing", async () => {
  const { fleet, east, west } = await recordedInEast();
  try {
    fleet.pass(60);
    east.langflow.save(A, { data: graph("lost with us-east") });
    await fleet.cycle("us-east");
    fleet.recorder = "eu-west";
    await fleet.cycle();
    expect(textOf(west.langflow, A)).toContain("first");
    fleet.pass(15 * 60);
    await fleet.cycle();
    await fleet.settle();
    expect(textOf(west.langflow, A)).toContain("lost with us-east");
    expect(fleet.file("default/One.json")).toContain("lost with us-east");
    expect(west.langflow.rows.size).toBe(1);
    fleet.pass(60);
    west.langflow.save(A, { data: graph("edited in eu-west") });
    await fleet.settle();
    expect(fleet.file("default/One.json")).toContain("edited in eu-west");
  } finally {
    await fleet.close();
  }
});

it("the recorder commits an edit's time before replication has read the edit, so that the next recorder does not revert the edit", async () => {
  const { fleet, east, west } = await recordedInEast();
  try {
    east.langflow.readUntil = fleet.clock;
    fleet.pass(60);
    const editedAt = new Date(fleet.clock).toISOString();
    east.langflow.save(A, { data: graph("lost with us-east") });
    await fleet.cycle("us-east");
    expect(fleet.log("%B")).toContain(`Flow-Edited: ${A} ${editedAt} graph us-east`);
    fleet.recorder = "eu-west";
    await fleet.cycle();
    expect(textOf(west.langflow, A)).toContain("first");
    fleet.pass(15 * 60);
    await fleet.cycle();
    await fleet.settle();
    expect(textOf(west.langflow, A)).toContain("lost with us-east");
    expect(fleet.file("default/One.json")).toContain("lost with us-east");
  } finally {
    await fleet.close();
  }
});

it("the next recorder does not import a waiting edit if the user has edited the flow since", async () => {
  const { fleet, east, west } = await recordedInEast();
  try {
    east.langflow.faults.broken.add(A);
    fleet.push({ [ONE]: fleet.file(ONE).replace("first", "by hand") });
    await fleet.cycle();
    east.langflow.save(B, { name: "Two", data: graph("two") });
    await fleet.cycle();
    expect(fleet.log("%B")).toContain(`Flow-Waiting: ${A} `);
    east.langflow.faults.broken.clear();
    await fleet.settle();
    const brought = fleet.commits();
    fleet.pass(60);
    east.langflow.save(A, { data: graph("edited since") });
    west.langflow.replicate(east.langflow);
    fleet.recorder = "eu-west";
    await fleet.settle();
    // The only new commit has the later edit, and neither edit became a copy.
    expect(fleet.commits()).toBe(brought + 1);
    expect(textOf(west.langflow, A)[0]).toBe("edited since");
    expect(west.langflow.rows.size).toBe(2);
  } finally {
    await fleet.close();
  }
});

it("a region that becomes the recorder again imports a push even if the push restores the region's own earlier commits", async () => {
  const fleet = await Fleet.make({ regions });
  try {
    const [east, west] = [fleet.region("us-east"), fleet.region("eu-west")];
    west.langflow.save(A, { name: "One", data: graph("first") });
    east.langflow.replicate(west.langflow);
    fleet.recorder = "eu-west";
    await fleet.settle();
    const first = fleet.file("default/One.json");
    fleet.pass(60);
    east.langflow.replicate(west.langflow);
    east.langflow.save(A, { data: graph("second") });
    fleet.recorder = "us-east";
    await fleet.settle();
    west.langflow.replicate(east.langflow);
    fleet.pass(60);
    fleet.push({ "default/One.json": first });
    fleet.recorder = "eu-west";
    await fleet.settle();
    expect(textOf(west.langflow, A)).toContain("first");
    expect(fleet.file("default/One.json")).toBe(first);
  } finally {
    await fleet.close();
  }
});

it("Git never contains a key that someone entered as the name of a project or user", async () => {
  const fleet = await Fleet.make({ findSecrets });
  try {
    const key = "sk-proj-9fQ2xZ7LmK4vT8bW1nR6cY3dH5jP0sG";
    const user = fleet.langflow.addUser(key);
    fleet.langflow.save(A, { name: "One", data: graph("first") }, "Team");
    fleet.langflow.save("00000000-0000-4000-8000-00000000000f", { name: "Two", data: graph("x") }, undefined, user);
    await fleet.settle();
    fleet.langflow.renameProject("Team", key);
    await fleet.settle();
    expect(fleet.host.in("host.git", ["log", "-p", "--all"])).not.toContain(key);
    expect(fleet.paths().filter((path) => path.toLowerCase().includes("sk-proj"))).toEqual([]);
    expect(fleet.paths().filter((path) => path.endsWith("Two.json"))).toHaveLength(1);
  } finally {
    await fleet.close();
  }
});
