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
  it("returns the coordinates of an AWS region, and undefined for an unknown region", () => {
    expect(placeOf("eu-west-1")).toEqual({ latitude: 53.35, longitude: -6.26 });
    expect(placeOf("mars-north-1")).toBeUndefined();
  });

  it("knows every region of the AWS provider except those of isolated partitions", () => {
    const open = Object.values(Region).filter((name) => !/-iso|^eusc-/.test(name));
    expect([...AWS_REGION_NAMES].sort()).toEqual(open.sort());
  });
});

describe("poolsByRegion", () => {
  it("lists the nearest pool first for each Cloudflare region", () => {
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

  it("lists every pool for each Cloudflare region, so that all can fail over to all", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 16 }), (places) => {
        const numbered = places.map((each, pool) => ({ pool, place: each }));
        const orders = Object.values(poolsByRegion(numbered));
        expect(orders).toHaveLength(13);
        for (const order of orders) expect(order.toSorted((a, b) => a - b)).toEqual(numbered.map(({ pool }) => pool));
      }),
    );
  });

  it("keeps the order of preference among pools in the same place", () => {
    fc.assert(
      fc.property(place, (samePlace) => {
        const order = poolsByRegion([1, 2, 3].map((pool) => ({ pool, place: samePlace })));
        for (const each of Object.values(order)) expect(each).toEqual([1, 2, 3]);
      }),
    );
  });
});
