import { defineFleet } from "langflow-dr";

export = defineFleet();
