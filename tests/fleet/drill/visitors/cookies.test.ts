import { Cookies } from "../../../../fleet/drill/visitors/cookies";

describe("a visitor's cookies", () => {
  it("keep other names when one cookie is replaced, and drop an expired cookie", () => {
    const cookies = new Cookies();
    cookies.take(["__cflb=a; Path=/", "CF_Authorization=x.y=; HttpOnly; Max-Age=60"]);
    cookies.take(["__cflb=b"]);
    cookies.take([]);
    expect(cookies.header).toBe("__cflb=b; CF_Authorization=x.y=");
    cookies.take(["CF_Authorization=; Max-Age=0; Path=/"]);
    expect(cookies.header).toBe("__cflb=b");
    cookies.drop("__cflb");
    expect(cookies.has("__cflb")).toBe(false);
  });
});
