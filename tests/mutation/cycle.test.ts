// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/imports.test";
import "../agent/exports.test";
import "../agent/trouble.test";
import "../agent/writtenRows.test";
import "../agent/corners.test";
import "../agent/flowByFlow.test";
import "../agent/simulations/kills.test";
import "../agent/simulations/flows.test";
