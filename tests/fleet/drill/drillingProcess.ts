import { S3Client } from "@aws-sdk/client-s3";
import { drill } from "../../../fleet/drill/drill";
import { lockObject } from "../../../fleet/drill/objects";
import { FakeFleet, PLAN } from "./fakeFleet";

/** Runs a drill that never ends. Arguments: the region, and the endpoint of the S3 that holds the fleet's lock. */
const [region = "", endpoint] = process.argv.slice(2);
const credentials = { accessKeyId: "x", secretAccessKey: "x" };
const s3 = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });

class SharedFleet extends FakeFleet {
  override lockObject() {
    return lockObject(s3, "flows", "drills/lock.json");
  }

  override async takeAway(): Promise<void> {
    await super.takeAway();
    process.stdout.write(`took ${region} away\n`);
  }
}

void (async () => {
  const backend = await new SharedFleet("detection").listen();
  const plan = Object.assign({}, PLAN, { id: `drill-${region}`, region });
  const { signal } = new AbortController();
  await drill(plan, { backend, signal, report: () => undefined }).catch(({ exitCode, message }) => {
    process.stdout.write(`${message}\n`);
    process.exit(exitCode);
  });
})();
