/** Entry point `langflow-dr/policies`: the disaster-recovery invariants, alone and as CrossGuard policies. */

export {
  checkInvariants,
  type Finding,
  type Invariant,
  invariants,
  type Observed,
  type Violation,
} from "../invariants/check";
export { policies } from "../invariants/pack/policies";
