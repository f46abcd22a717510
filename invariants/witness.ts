import { PROJECT } from "../model/names";
import { at, type Invariant, UNKNOWN } from "./resource";

const witnessApart: Invariant = {
  name: "witness-apart",
  description:
    "The witness of the schedules is outside the AWS regions of the flow buckets: otherwise it would fail together with a " +
    "region, and no other region could take over the schedules. An unknown region passes.",
  check(resources) {
    const bucketsOf = (component: string) =>
      resources
        .filter(({ type, urn }) => type === "aws:s3/bucket:Bucket" && urn.includes(`${PROJECT}:index:${component}$`))
        .map(({ urn, inputs }) => ({ urn, awsRegion: at(inputs, "region") }));
    const taken = bucketsOf("FlowBucket").map(({ awsRegion }) => awsRegion);
    return bucketsOf("WitnessBucket")
      .filter(({ awsRegion }) => awsRegion !== UNKNOWN && taken.includes(awsRegion))
      .map(({ urn, awsRegion }) => ({
        resource: urn,
        message: `the witness is in ${awsRegion}, an AWS region of the fleet, and would fail together with it`,
        fix: "set schedules.witness.awsRegion to an AWS region outside the fleet",
      }));
  },
};

export const witness: readonly Invariant[] = [witnessApart];
