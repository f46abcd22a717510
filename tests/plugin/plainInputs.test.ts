import * as pulumi from "@pulumi/pulumi";
import * as fc from "fast-check";
import { notPlain } from "../../plugin/plainInputs";

const END = "langflow-dr:index:End";
const end = { $ref: `#/types/${END}`, plain: true };
const types = { [END]: { properties: { region: { type: "string", plain: true }, arn: { type: "string" } } } };
const declared = {
  region: { type: "string", plain: true },
  keyArn: { type: "string" },
  subnetIds: { type: "array", plain: true, items: { type: "string" } },
  source: end,
  destinations: { type: "array", plain: true, items: end },
};

const text = fc.string();
/** A value, or the output another resource would give. */
const perhapsOutput = text.chain((value) => fc.constantFrom<pulumi.Input<string>>(value, pulumi.output(value)));

describe("inputs that must be plain", () => {
  it("pass whatever else is an output: an ARN, the items of a list, a property of an object", () => {
    const ends = fc.record({ region: text, arn: perhapsOutput });
    const inputs = fc.record({
      region: text,
      keyArn: perhapsOutput,
      subnetIds: fc.array(perhapsOutput),
      source: ends,
      destinations: fc.array(ends),
    });
    fc.assert(fc.property(inputs, (given) => expect(notPlain(declared, given, types)).toEqual([])));
  });

  it("are named by their path wherever an output stands in their place", () => {
    const region = pulumi.output("us-east");
    const inputs = {
      region,
      subnetIds: pulumi.output(["a", "b"]),
      source: { region, arn: region },
      destinations: [
        { region: "eu-west", arn: region },
        { region, arn: "b" },
      ],
    };
    expect(notPlain(declared, inputs, types)).toEqual([
      "region",
      "subnetIds",
      "source.region",
      "destinations[1].region",
    ]);
  });

  it("may be missing: that is for the program's own language to say", () => {
    expect(notPlain(declared, { source: { region: undefined }, keyArn: null }, types)).toEqual([]);
  });
});
