import { defineFleet } from "./library";

export = defineFleet();
