package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.testing.FakeInference.Part;
import org.tsnext.http.RawClient.RawResponse;

public class MultipartTest extends HttpTestBase {

  private static final String TYPE = "Content-Type: multipart/form-data; boundary=\"b;1\"";

  private static String part(String headers, String value) {
    return "--b;1\r\n" + headers + "\r\n\r\n" + value + "\r\n";
  }

  @Test
  public void partsKeepOrderNamesTypesAndBytes() throws Exception {
    String binary = "\r\n--b\0\u00ff\r\n-\r\r\n";
    String body =
        "preamble\r\n"
            + part("Content-Disposition: form-data; name=\"text\"\r\nContent-Type: text/plain", "a")
            + part(
                "content-disposition: form-data; name=\"img\"; filename=\"x;\\\"y.png\"\r\n"
                    + "Content-Type: Image/PNG; q=1",
                binary)
            + part("Content-Disposition: form-data; name=img; filename=b.bin", "second")
            + part("Content-Disposition: form-data; name=\"empty\"", "")
            + "--b;1--\r\nepilogue";
    assertEquals(client().post("/predictions/m", body, TYPE).status(), 200);
    assertEquals(
        inference.next().parts(),
        List.of(
            new Part("text", "", "a"),
            new Part("img", "image/png", binary),
            new Part("img", "application/octet-stream", "second"),
            new Part("empty", "", "")));
  }

  @Test
  public void partsThatArriveInPiecesAreWhole() throws Exception {
    String body =
        part("Content-Disposition: form-data; name=a", "x".repeat(300))
            + part("Content-Disposition: form-data; name=b", "y".repeat(300))
            + "--b;1--";
    RawClient client = client();
    client.send("POST /predictions/m HTTP/1.1\r\nHost: t\r\n" + TYPE + "\r\n");
    client.send("Content-Length: " + body.length() + "\r\n\r\n");
    for (int i = 0; i < body.length(); i += 7) {
      client.send(body.substring(i, Math.min(body.length(), i + 7)));
    }
    assertEquals(client.read().status(), 200);
    assertEquals(
        inference.next().parts(),
        List.of(new Part("a", "", "x".repeat(300)), new Part("b", "", "y".repeat(300))));
  }

  @Test
  public void linesMayEndWithLineFeedsAlone() throws Exception {
    String body =
        (part("Content-Disposition: form-data; name=a", "x\ny")
                + part("Content-Disposition: form-data; name=b; filename=b", "")
                + "--b;1--")
            .replace("\r\n", "\n");
    assertEquals(client().post("/predictions/m", body, TYPE).status(), 200);
    assertEquals(
        inference.next().parts(),
        List.of(new Part("a", "", "x\ny"), new Part("b", "application/octet-stream", "")));
  }

  @Test
  public void lineFeedBeforeABoundaryIsContentWhereLinesEndAsTheyShould() throws Exception {
    String body = part("Content-Disposition: form-data; name=a", "x\n--b;1\ny") + "--b;1--";
    assertEquals(client().post("/predictions/m", body, TYPE).status(), 200);
    assertEquals(inference.next().parts(), List.of(new Part("a", "", "x\n--b;1\ny")));
  }

  @DataProvider
  public Object[][] malformed() {
    String a = "Content-Disposition: form-data; name=a";
    return new Object[][] {
      {"", "its boundary does not occur in it"},
      {"no boundary here", "its boundary does not occur in it"},
      {part(a, "x"), "ends without its closing boundary"},
      {"--b;1\r\n" + a + "\r\n\r\nx", "ends without its closing boundary"},
      {"--b;1\r\n" + a, "ends inside the headers of part 1"},
      {"--b;1xx\r\n" + a + "\r\n\r\nx\r\n--b;1--", "not followed by a line end"},
      {part("Content-Type: text/plain", "x") + "--b;1--", "part 1 has no Content-Disposition"},
      {
        part(a, "x") + part("Content-Disposition: form-data", "x") + "--b;1--", "part 2 has no name"
      },
      {part("nonsense", "x") + "--b;1--", "header line without a colon"},
      {part(a + "\r\nContent-Transfer-Encoding: base64", "x") + "--b;1--", "base64"},
    };
  }

  @Test(dataProvider = "malformed")
  public void malformedBodiesAreRefusedWithTheReason(String body, String reason) throws Exception {
    RawClient client = client();
    RawResponse response = client.post("/predictions/m", body, TYPE);
    assertEquals(response.status(), 400);
    assertTrue(response.body().contains("Malformed multipart body"), response.body());
    assertTrue(response.body().contains(reason), response.body());
    assertEquals(client.get("/ping").status(), 200);
    assertTrue(inference.seen.isEmpty());
  }
}
