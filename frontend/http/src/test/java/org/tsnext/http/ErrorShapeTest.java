package org.tsnext.http;

import static org.testng.Assert.assertEquals;

import com.google.gson.JsonParser;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.http.RawClient.RawResponse;

/** An error has the shape that the clients of its route read, in whatever form they ask for it. */
public class ErrorShapeTest extends HttpTestBase {

  @DataProvider
  static Object[][] targets() {
    return new Object[][] {
      {"/none", "[code, type, message]"},
      {"/v1/models/none", "[code, type, message, error]"},
      {"/v1/models/none:none", "[code, type, message]"},
      {"/v2/models/none", "[code, type, message, error]"},
      {"/v1/none", "[error]"},
    };
  }

  @Test(dataProvider = "targets")
  public void itIsThatOfTheRoute(String path, String members) throws Exception {
    RawResponse plain = get(path);
    assertEquals(
        JsonParser.parseString(plain.body()).getAsJsonObject().keySet().toString(), members);
    String encoded = path.replaceFirst("^/(.)", String.format("/%%%02x", (int) path.charAt(1)));
    for (String target :
        List.of(
            path + "?x=a:b",
            path + "#a:b",
            encoded,
            "http://t" + path,
            "HTTPS://t:80" + path + "?x=a:b",
            "http://t" + encoded + "?x=/v2/")) {
      RawResponse response = get(target);
      assertEquals(response.status(), plain.status(), target);
      assertEquals(response.body(), plain.body(), target);
    }
  }

  private RawResponse get(String target) throws Exception {
    RawClient client = client();
    client.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
    return client.read(true);
  }
}
