package org.tsnext.archive.remote;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** One way to read each URL, or none. */
public class ModelUrlTest {

  @DataProvider
  public Object[][] normalForms() {
    return new Object[][] {
      {"HTTP://Models.Example:80/A/m.mar", "http://models.example/A/m.mar"},
      {"https://h:443/m.mar", "https://h/m.mar"},
      {"https://h:8443", "https://h:8443/"},
      {"http://h:443/x", "http://h:443/x"},
      {"https://h/./a/./m.mar", "https://h/a/m.mar"},
      {"https://h/a/.", "https://h/a/"},
      {"https://h/%6d%2Emar", "https://h/m.mar"},
      {"https://h/%2e/m.mar", "https://h/m.mar"},
      {"https://h/a%20b%c3%a9", "https://h/a%20b%C3%A9"},
      {"https://h/a//b", "https://h/a//b"},
      {"https://h/m.mar?X-Sig=a%2Fb%25&c", "https://h/m.mar?X-Sig=a%2Fb%25&c"},
      {"http://[2001:DB8:0:0::1]:8080/", "http://[2001:db8::1]:8080/"},
      {"http://127.0.0.1/", "http://127.0.0.1/"},
      {"s3://my-bucket/a/m.mar", "s3://my-bucket/a/m.mar"},
      {"file:/models/m.mar", "file:///models/m.mar"},
      {"file://localhost/models/m.mar", "file:///models/m.mar"},
      {"FILE:///m", "file:///m"},
    };
  }

  @Test(dataProvider = "normalForms")
  public void oneNormalForm(String text, String expected) throws Exception {
    assertEquals(ModelUrl.parse(text).text(), expected);
  }

  @DataProvider
  public Object[][] tricks() {
    return new Object[][] {
      {"http://user@h/m.mar", "user-info"},
      {"http://user:pw@h/m.mar", "user-info"},
      {"http://allowed.example@127.0.0.1/m.mar", "user-info"},
      {"http://h%40evil/m.mar", "labels"},
      {"http://h\\@evil/m.mar", "user-info"},
      {"http://h\\evil/m.mar", "labels"},
      {"http://h/a\\b", "U+005C"},
      {"http://h/a%5cb", "backslash"},
      {"http://h/m.mar#x", "fragment"},
      {"http://h/a%2fb", "slash"},
      {"http://h/%252e%252e/m.mar", "encoded twice"},
      {"http://h/%25252e/m.mar", "encoded twice"},
      {"http://h/%", "percent"},
      {"http://h/%zz", "percent"},
      {"http://h/%0d%0aHost:x", "control"},
      {"http://h/a\r\nHost: x", "U+000D"},
      {"http://h/a\tb", "U+0009"},
      {"http://h/a b", "U+0020"},
      {"http://h/\u00e9", "U+00E9"},
      {"http://h/?a=%00", "control"},
      {"http://h\n/", "labels"},
      {"http://h ", "labels"},
      {"http://2130706433/", "number"},
      {"http://0x7f000001/", "number"},
      {"http://0x7f.0.0.1/", "decimal"},
      {"http://0177.0.0.1/", "number"},
      {"http://127.1/", "number"},
      {"http://127.0.0.1./", "labels"},
      {"http://127.0.0.256/", "number"},
      {"http://127.0.0.0x1/", "number"},
      {"http://1.2.3.4.5/", "number"},
      {"http://localhost./", "labels"},
      {"http://models.example./", "labels"},
      {"http://.h/", "labels"},
      {"http://a..b/", "labels"},
      {"http://-h/", "labels"},
      {"http://\u2460\u2461\u2466.0.0.1/", "number"},
      {"http://\uff4cocalhost/", "labels"},
      {"http://[::1%25lo]/", "zone"},
      {"http://[::1/", "port"},
      {"http://[::1]x/", "port"},
      {"http://[127.0.0.1]/", "zone"},
      {"http:///m.mar", "host"},
      {"http://h:/", "port"},
      {"http://h:0/", "port"},
      {"http://h:65536/", "port"},
      {"http://h:080/", "port"},
      {"http://h:80:80/", "port"},
      {"http:/h/m.mar", "slashes"},
      {"ftp://h/m.mar", "scheme"},
      {"gopher://h/m.mar", "scheme"},
      {"jar:file:///m.jar!/m.mar", "scheme"},
      {"file://h/m.mar", "host"},
      {"file:///m.mar?x", "query"},
      {"s3://Bucket/k", "bucket"},
      {"s3://b..b/k", "bucket"},
      {"s3://bucket", "key"},
      {"s3://bucket/k?x=y", "query"},
    };
  }

  @Test(dataProvider = "tricks")
  public void whatCouldBeReadInTwoWaysIsRefused(String text, String reason) {
    UrlSyntaxException e = expectThrows(UrlSyntaxException.class, () -> ModelUrl.parse(text));
    assertFalse(e.isRelative());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @DataProvider
  public Object[][] ways() {
    return new Object[][] {
      {"http://h/../m.mar"}, {"http://h/a/%2e%2e/m.mar"}, {"http://h/a/.%2E"}, {"file:///a/../b"},
    };
  }

  @Test(dataProvider = "ways")
  public void twoDotsAreDistinguished(String text) {
    assertTrue(expectThrows(UrlSyntaxException.class, () -> ModelUrl.parse(text)).isRelative());
  }

  @Test
  public void lengthIsLimited() {
    expectThrows(UrlSyntaxException.class, () -> ModelUrl.parse("http://h/" + "a".repeat(10_000)));
  }

  @Test
  public void redirectionsAreResolvedAndCheckedLikeAnyUrl() throws Exception {
    ModelUrl from = ModelUrl.parse("https://h:8443/a/b?q");
    assertEquals(from.resolve("/c?d#e").text(), "https://h:8443/c?d");
    assertEquals(from.resolve("c").text(), "https://h:8443/a/c");
    assertEquals(from.resolve("//other/x").text(), "https://other/x");
    assertEquals(from.resolve("HTTP://Other/x").text(), "http://other/x");
    expectThrows(UrlSyntaxException.class, () -> from.resolve("../c"));
    expectThrows(UrlSyntaxException.class, () -> from.resolve("//user@other/"));
  }
}
