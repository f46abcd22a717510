import { Region } from "@pulumi/aws/types/enums";
import fc from "fast-check";
import { AWS_REGION_NAMES, type Place, placeOf, poolsByRegion } from "../../model/places";

const known = (awsRegion: string): Place => {
  const place = placeOf(awsRegion);
  if (!place) throw new Error(`${awsRegion} has no place`);
  return place;
};
const pools = ["us-east-1", "eu-west-1", "ap-southeast-1"].map((pool) => ({ pool, place: known(pool) }));

describe("placeOf", () => {
  it("knows the AWS regions, and says so of one it does not know", () => {
    expect(placeOf("eu-west-1")).toEqual({ latitude: 53.35, longitude: -6.26 });
    expect(placeOf("mars-north-1")).toBeUndefined();
  });

  it("knows every region of AWS's provider but those of closed partitions", () => {
    const open = Object.values(Region).filter((name) => !/-iso|^eusc-/.test(name));
    expect([...AWS_REGION_NAMES].sort()).toEqual(open.sort());
  });
});

describe("poolsByRegion", () => {
  it("sends each part of the world to the nearest region first", () => {
    const first = Object.fromEntries(Object.entries(poolsByRegion(pools)).map(([region, order]) => [region, order[0]]));
    expect(first).toEqual({
      ENAM: "us-east-1",
      WNAM: "us-east-1",
      NSAM: "us-east-1",
      SSAM: "us-east-1",
      WEU: "eu-west-1",
      EEU: "eu-west-1",
      NAF: "eu-west-1",
      ME: "eu-west-1",
      SAS: "ap-southeast-1",
      SEAS: "ap-southeast-1",
      NEAS: "ap-southeast-1",
      OC: "ap-southeast-1",
      SAF: "ap-southeast-1",
    });
  });

  const place = fc.record({
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  });

  it("leaves no pool out anywhere, so that every part of the world can fail over to every region", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 16 }), (places) => {
        const numbered = places.map((each, pool) => ({ pool, place: each }));
        const orders = Object.values(poolsByRegion(numbered));
        expect(orders).toHaveLength(13);
        for (const order of orders) expect(order.toSorted((a, b) => a - b)).toEqual(numbered.map(({ pool }) => pool));
      }),
    );
  });

  it("keeps the order of preference among pools in one place", () => {
    fc.assert(
      fc.property(place, (samePlace) => {
        const order = poolsByRegion([1, 2, 3].map((pool) => ({ pool, place: samePlace })));
        for (const each of Object.values(order)) expect(each).toEqual([1, 2, 3]);
      }),
    );
  });
});
