/** Geographic coordinates, in decimal degrees. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Coordinates of each AWS region: those of the city in its name, which is precise enough for steering. */
const AWS_REGIONS: Readonly<Record<string, readonly [latitude: number, longitude: number]>> = {
  "af-south-1": [-33.92, 18.42],
  "ap-east-1": [22.32, 114.17],
  "ap-east-2": [25.03, 121.57],
  "ap-northeast-1": [35.68, 139.69],
  "ap-northeast-2": [37.57, 126.98],
  "ap-northeast-3": [34.69, 135.5],
  "ap-south-1": [19.08, 72.88],
  "ap-south-2": [17.39, 78.49],
  "ap-southeast-1": [1.35, 103.82],
  "ap-southeast-2": [-33.87, 151.21],
  "ap-southeast-3": [-6.21, 106.85],
  "ap-southeast-4": [-37.81, 144.96],
  "ap-southeast-5": [3.14, 101.69],
  "ap-southeast-6": [-36.85, 174.76],
  "ap-southeast-7": [13.76, 100.5],
  "ca-central-1": [45.5, -73.57],
  "ca-west-1": [51.05, -114.07],
  "cn-north-1": [39.9, 116.41],
  "cn-northwest-1": [38.47, 106.26],
  "eu-central-1": [50.11, 8.68],
  "eu-central-2": [47.38, 8.54],
  "eu-north-1": [59.33, 18.07],
  "eu-south-1": [45.46, 9.19],
  "eu-south-2": [41.65, -0.89],
  "eu-west-1": [53.35, -6.26],
  "eu-west-2": [51.51, -0.13],
  "eu-west-3": [48.86, 2.35],
  "il-central-1": [32.09, 34.78],
  "me-central-1": [25.2, 55.27],
  "me-south-1": [26.07, 50.56],
  "mx-central-1": [20.59, -100.39],
  "sa-east-1": [-23.55, -46.63],
  "us-east-1": [39.04, -77.49],
  "us-east-2": [39.96, -83],
  "us-gov-east-1": [39.96, -83],
  "us-gov-west-1": [45.84, -119.7],
  "us-west-1": [37.35, -121.96],
  "us-west-2": [45.84, -119.7],
};

/** AWS regions that a fleet can use: those with known coordinates. */
export const AWS_REGION_NAMES: readonly string[] = Object.keys(AWS_REGIONS);

/**
 * Returns the partition of an AWS region. An account belongs to one partition (AWS General Reference, "Partitions").
 */
export function partitionOf(awsRegion: string): "aws" | "aws-cn" | "aws-us-gov" {
  if (awsRegion.startsWith("cn-")) return "aws-cn";
  return awsRegion.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/**
 * Cloudflare's load balancer regions (Load Balancing, Regions API), each with a point near the center of its
 * population. A client belongs to the region of the data center that serves it.
 */
const STEERING_REGIONS: Readonly<Record<string, Place>> = {
  EEU: { latitude: 51, longitude: 28 },
  ENAM: { latitude: 40, longitude: -80 },
  ME: { latitude: 27, longitude: 48 },
  NAF: { latitude: 25, longitude: 10 },
  NEAS: { latitude: 36, longitude: 130 },
  NSAM: { latitude: 5, longitude: -70 },
  OC: { latitude: -30, longitude: 150 },
  SAF: { latitude: -20, longitude: 28 },
  SAS: { latitude: 20, longitude: 78 },
  SEAS: { latitude: 5, longitude: 107 },
  SSAM: { latitude: -28, longitude: -58 },
  WEU: { latitude: 49, longitude: 4 },
  WNAM: { latitude: 38, longitude: -120 },
};

/** Returns the coordinates of an AWS region; undefined for a region that is newer than this list. */
export function placeOf(awsRegion: string): Place | undefined {
  const found = AWS_REGIONS[awsRegion];
  return found && { latitude: found[0], longitude: found[1] };
}

/**
 * Returns all pools for each of Cloudflare's regions, the nearest first; equally near pools keep their order of
 * preference. Each region lists all pools, because with geo steering a request fails over only among the pools of its
 * region.
 */
export function poolsByRegion<Pool>(
  pools: readonly { readonly pool: Pool; readonly place: Place }[],
): Record<string, Pool[]> {
  return Object.fromEntries(
    Object.entries(STEERING_REGIONS).map(([region, middle]) => [
      region,
      pools.toSorted((one, other) => angle(middle, one.place) - angle(middle, other.place)).map(({ pool }) => pool),
    ]),
  );
}

/** Returns the central angle between two places, in radians: a distance without a unit. */
function angle(from: Place, to: Place): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const cosine =
    Math.sin(radians(from.latitude)) * Math.sin(radians(to.latitude)) +
    Math.cos(radians(from.latitude)) *
      Math.cos(radians(to.latitude)) *
      Math.cos(radians(from.longitude - to.longitude));
  return Math.acos(Math.min(1, Math.max(-1, cosine)));
}
