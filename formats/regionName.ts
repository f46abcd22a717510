/** Pattern of our names of regions. */
export const REGION_NAME = /^[a-z][a-z0-9-]*$/;
