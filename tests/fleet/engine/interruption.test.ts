import { interruption } from "../../../fleet/engine/interruption";

describe("an interrupt", () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const started = () => {
    const said: string[] = [];
    return { said, ...interruption((message) => said.push(message)) };
  };

  it("requests a graceful end, and ignores the duplicate signal that npm forwards", () => {
    const { said, signal, interrupt } = started();
    expect(signal.aborted).toBe(false);
    interrupt();
    jest.advanceTimersByTime(900);
    interrupt();
    expect(signal.aborted).toBe(true);
    expect(said).toEqual([expect.stringMatching(/^interrupted: the engine finishes/)]);
  });

  it("stops at once if the user interrupts again", () => {
    const { said, interrupt } = started();
    interrupt();
    jest.advanceTimersByTime(1_100);
    interrupt();
    expect(said).toHaveLength(2);
    expect(said[1]).toMatch(/^stopped at once: .*`up` to find them/);
  });
});
