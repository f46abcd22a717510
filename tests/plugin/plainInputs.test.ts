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
/** A value, or an output such as another resource's. */
const perhapsOutput = text.chain((value) => fc.constantFrom<pulumi.Input<string>>(value, pulumi.output(value)));

describe("the check of plain inputs", () => {
  it("accepts outputs in all other places: an ARN, a list's items, an object's property", () => {
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

  it("reports the path of each output in place of a plain value", () => {
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

  it("accepts missing inputs, which the program's own language reports", () => {
    expect(notPlain(declared, { source: { region: undefined }, keyArn: null }, types)).toEqual([]);
  });
});
