package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenKind;
import org.tsnext.core.time.Clock;
import org.tsnext.http.RawClient.RawResponse;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.ConnectionLimits;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.http.settings.HostSettings;
import org.tsnext.http.settings.ListenAddress;
import org.tsnext.http.settings.TokenSettings;

/** A browser whose page had its own domain resolve to this machine. */
public class HostTest extends HttpTestBase {

  private List<String> allowed = List.of("models.example.org", ".inside.example.net");
  private boolean tokensOn;
  private String host = "127.0.0.1";

  @BeforeMethod(alwaysRun = true)
  public void defaults() {
    allowed = List.of("models.example.org", ".inside.example.net");
    tokensOn = false;
    host = "127.0.0.1";
  }

  @Override
  AccessSettings access() {
    AccessTokens keys = new AccessTokens(Clock.system());
    keys.put(TokenKind.MANAGEMENT, "manage", Optional.empty(), Duration.ZERO);
    keys.put(TokenKind.INFERENCE, "ask", Optional.empty(), Duration.ZERO);
    TokenSettings tokens =
        new TokenSettings(
            keys,
            Optional.of(kind -> CompletableFuture.completedFuture(null)),
            EnumSet.of(Access.PROBE),
            false);
    return new AccessSettings(
        tokensOn ? Optional.of(tokens) : Optional.empty(),
        new HostSettings(allowed),
        ConnectionLimits.none());
  }

  private int[] serveAgain() throws Exception {
    ListenAddress any = new ListenAddress.Tcp(host, 0);
    List<BoundListener> listeners = serve(settings(any, any, CorsSettings.none(), true)).bind();
    return new int[] {port(listeners.get(0)), port(listeners.get(1))};
  }

  private static RawResponse get(RawClient client, String path, String host, String... headers)
      throws Exception {
    String more = headers.length == 0 ? "" : String.join("\r\n", headers) + "\r\n";
    return client
        .send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n")
        .read();
  }

  @DataProvider
  public Object[][] strangers() {
    return new Object[][] {
      {"evil.example"},
      {"evil.example:8081"},
      {"EVIL.example"},
      {"127.0.0.1.evil.example"},
      {"localhost.evil.example"},
      {"models.example.org.evil.example"},
      {"xmodels.example.org"},
      {"inside.example.net"},
      {"xinside.example.net"},
      {"evil.example."},
      {"xmodel.aws.local"},
      {"x.model.aws.local:8080"},
      {"aws.local"},
    };
  }

  @Test(dataProvider = "strangers")
  public void strangersNamesAreRefused(String name) throws Exception {
    for (int each : new int[] {managementPort, port}) {
      RawResponse response = get(client(each), each == port ? "/ping" : "/models", name);
      assertEquals(response.status(), 403, name);
      assertTrue(
          response.body().contains("\"type\": \"HostNotAllowedException\""), response.body());
      assertTrue(response.body().contains("allowed_hosts"), response.body());
    }
    assertEquals(
        client().post("/predictions/cats", "x").status(), 200, "a name without dots passes");
  }

  @DataProvider
  public Object[][] ours() {
    return new Object[][] {
      {"localhost"},
      {"localhost:8081"},
      {"LOCALHOST"},
      {"app.localhost:1"},
      {"127.0.0.1:8081"},
      {"10.1.2.3"},
      {"[::1]:8081"},
      {"[fe80::1]"},
      {"torchserve:8081"},
      {"torchserve.models.svc"},
      {"torchserve.models.svc.cluster.local:8081"},
      {"models.example.org"},
      {"Models.Example.ORG:443"},
      {"a.inside.example.net"},
      {"model.aws.local"},
      {"Model.AWS.local:8080"},
      {""},
    };
  }

  @Test(dataProvider = "ours")
  public void namesThatNoStrangerCanHavePass(String name) throws Exception {
    assertEquals(get(management(), "/models", name).status(), 200, name);
    assertEquals(get(client(), "/ping", name).status(), 200, name);
  }

  @Test
  public void oldClientsWithoutAHostPass() throws Exception {
    assertEquals(management().send("GET /models HTTP/1.0\r\n\r\n").read().status(), 200);
  }

  @Test
  public void anyNamePassesIfTheOperatorSaysSo() throws Exception {
    allowed = List.of("*");
    assertEquals(get(client(serveAgain()[1]), "/models", "evil.example").status(), 200);
  }

  @Test
  public void withTokensOnlyTheManagementIsParticular() throws Exception {
    tokensOn = true;
    int[] ports = serveAgain();
    assertEquals(get(client(ports[0]), "/ping", "gateway.example").status(), 200);
    assertEquals(get(client(ports[1]), "/models", "gateway.example").status(), 403);
    RawResponse response =
        get(client(ports[1]), "/models", "gateway.example", "Authorization: Bearer manage");
    assertEquals(response.status(), 403);
    response = get(client(ports[1]), "/models", "localhost", "Authorization: Bearer manage");
    assertEquals(response.status(), 200);
  }

  @Test
  public void beyondLoopbackModelsAreAskedByAnyName() throws Exception {
    host = "0.0.0.0";
    int[] ports = serveAgain();
    assertEquals(get(client(ports[0]), "/ping", "model.namespace.example.com").status(), 200);
    assertEquals(get(client(ports[1]), "/models", "model.namespace.example.com").status(), 403);
    assertEquals(get(client(ports[1]), "/models", "10.0.0.7:8081").status(), 200);
  }

  @Test
  public void bodyOfARefusedRequestIsNotWaitedFor() throws Exception {
    RawClient client = management();
    client.send("POST /models HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 900\r\n\r\nx");
    assertEquals(client.read().status(), 403);
  }
}
