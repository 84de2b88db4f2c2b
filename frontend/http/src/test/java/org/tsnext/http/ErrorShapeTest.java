package org.tsnext.http;

import static org.testng.Assert.assertEquals;

import com.google.gson.JsonParser;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenAddress;

/** An error has the shape that the clients of its route read, in whatever form they ask for it. */
public class ErrorShapeTest extends HttpTestBase {

  @DataProvider
  static Object[][] targets() {
    return new Object[][] {
      {"/none", "[code, type, message]"},
      {"/v1/models/none", "[code, type, message, error]"},
      {"/v1/models/none:none", "[code, type, message]"},
      {"/v2/models/none", "[code, type, message, error]"},
      {"/v2", "[code, type, message, error]"},
      {"/v20", "[code, type, message]"},
      {"/v1/none", "[error]"},
      {"/v1", "[error]"},
      {"/v10", "[code, type, message]"},
    };
  }

  @Test(dataProvider = "targets")
  public void itIsThatOfTheRoute(String path, String members) throws Exception {
    expect(port, path, members);
  }

  @DataProvider
  static Object[][] targetsForKServe() {
    return new Object[][] {
      {"/none", "[code, type, message]"},
      {"/v1/models/none", "[code, type, message, error]"},
      {"/v1/models/none:none", "[code, type, message, error]"},
      {"/v2/models/none", "[code, type, message, error]"},
    };
  }

  @Test(dataProvider = "targetsForKServe")
  public void itIsThatOfKServeWhereItIsOn(String path, String members) throws Exception {
    HttpSettings plain = settings();
    ListenAddress any = plain.addresses().inference();
    HttpSettings withKServe =
        new HttpSettings(
            new HttpSettings.Addresses(any, any, Optional.empty(), Optional.of(any)),
            plain.sockets(),
            plain.bodies(),
            plain.cors(),
            plain.access(),
            plain.api());
    expect(port(serve(withKServe).bind().get(0)), path, members);
  }

  private void expect(int toPort, String path, String members) throws Exception {
    RawResponse plain = get(toPort, path);
    assertEquals(
        JsonParser.parseString(plain.body()).getAsJsonObject().keySet().toString(), members);
    String encoded = path.replaceFirst("^/(.)", String.format("/%%%02x", (int) path.charAt(1)));
    for (String target :
        List.of(
            path + "/",
            path + "?x=a:b",
            path + "#a:b",
            encoded,
            "http://t" + path,
            "HTTPS://t:80" + path + "?x=a:b",
            "http://t" + encoded + "?x=/v2/")) {
      RawResponse response = get(toPort, target);
      assertEquals(response.status(), plain.status(), target);
      assertEquals(response.body(), plain.body(), target);
    }
  }

  private RawResponse get(int toPort, String target) throws Exception {
    RawClient client = client(toPort);
    client.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
    return client.read(true);
  }
}
