// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../formats/flows/credentialShapes.test";
import "../formats/flows/secretsScan.test";
