import { legacySecret } from "../../../formats/encryption/legacySecretKey";

describe("the key that LangFlow before 1.10.1 derived from a short secret", () => {
  // Python 3.11's base64.urlsafe_b64encode(bytes(r.getrandbits(8) for _ in range(32))) with r = random.Random(secret).
  it.each([
    ["", "9XSYNGPdu8A421fGnwH3maFTXdwMdWNOMdErgkRkqQY"],
    ["\0", "wsNz-7P8_oXt3hztHWQQN0bjMPhkvqHB_Uq4m1n1EAM"],
    ["short", "CkA4q2XDE9IEf-jlDnLnJ0_iOuCssq4sw0969Gf_-mk"],
    ["pässword", "BlHPohy_mWoeuu6g5bkXo6QLTlU71lxsR3Br1IX9oiA"],
    ["密钥", "8iQCndpPoiF3TJMuT8O6CyTluV94l4xUPf3An4HPYKs"],
    ["x".repeat(31), "X3VIOIhxwJf7tdNvF6rO7N7kuUMn719jQSQjxj9DWqk"],
  ])("equals the key that Python derives from %j", (secret, key) => {
    expect(legacySecret(secret)).toBe(key);
  });

  it("does not exist if the secret is long enough to be a key", () => {
    expect(legacySecret("x".repeat(32))).toBeUndefined();
  });
});
