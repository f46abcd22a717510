import { PROJECT } from "../model/names";
import { at, type Invariant, UNKNOWN } from "./resource";

const witnessApart: Invariant = {
  name: "witness-apart",
  description:
    "The witness of the schedules is in no AWS region that a flow bucket is in: it would fall with that region, and nobody " +
    "could take the schedules over. Unknown passes.",
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
        message: `is in ${awsRegion}, and falls with the region that is there`,
        fix: "name an AWS region in `schedules.witness` that the fleet is not in",
      }));
  },
};

export const witness: readonly Invariant[] = [witnessApart];
