import { legacySecret } from "../../../agent/moveIn/legacySecretKey";

describe("the key that LangFlow before 1.10.1 made of a short secret", () => {
  // base64.urlsafe_b64encode(bytes(r.getrandbits(8) for _ in range(32))) with r = random.Random(secret), by Python 3.11.
  it.each([
    ["", "9XSYNGPdu8A421fGnwH3maFTXdwMdWNOMdErgkRkqQY"],
    ["\0", "wsNz-7P8_oXt3hztHWQQN0bjMPhkvqHB_Uq4m1n1EAM"],
    ["short", "CkA4q2XDE9IEf-jlDnLnJ0_iOuCssq4sw0969Gf_-mk"],
    ["pässword", "BlHPohy_mWoeuu6g5bkXo6QLTlU71lxsR3Br1IX9oiA"],
    ["密钥", "8iQCndpPoiF3TJMuT8O6CyTluV94l4xUPf3An4HPYKs"],
    ["x".repeat(31), "X3VIOIhxwJf7tdNvF6rO7N7kuUMn719jQSQjxj9DWqk"],
  ])("of %j is Python's", (secret, key) => {
    expect(legacySecret(secret)).toBe(key);
  });

  it("is none of a secret that is a key itself", () => {
    expect(legacySecret("x".repeat(32))).toBeUndefined();
  });
});
