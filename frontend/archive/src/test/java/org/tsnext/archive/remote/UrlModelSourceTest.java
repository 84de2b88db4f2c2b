package org.tsnext.archive.remote;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.archive.ArchiveException;
import org.tsnext.archive.ArchiveException.Reason;
import org.tsnext.archive.Archives;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelLocation;
import org.tsnext.archive.Sha256;
import org.tsnext.archive.Workspace;

/**
 * Which URLs lead to a model, for whom, and what is left when they do not. Every name and address
 * means one listener on loopback; whether it is connected to is what the tests look at.
 */
public class UrlModelSourceTest {

  private static final String PUBLIC = "93.184.216.34";
  private static final Map<String, String> AWS =
      Map.of(
          "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE",
          "AWS_SECRET_ACCESS_KEY", "secret-of-the-test",
          "AWS_DEFAULT_REGION", "us-east-1");

  private Workspace workspace;
  private RawServer server;
  private FakeNetwork network;
  private UrlModelSource source;
  private byte[] mar;

  @BeforeMethod
  public void start() throws IOException {
    workspace = new Workspace();
    server = new RawServer();
    network = new FakeNetwork(server.address()).name("models.example", PUBLIC);
    mar =
        Archives.zip()
            .file("handler.py", "code")
            .file(Archives.MANIFEST, Archives.manifest(", \"handler\": \"handler.py\""))
            .bytes();
    server.ok("/m.mar", mar);
  }

  @AfterMethod(alwaysRun = true)
  public void stop() throws IOException {
    if (source != null) {
      source.close();
      source = null;
    }
    server.close();
    workspace.close();
  }

  private Path cache() {
    return workspace.root().resolve("tmp/downloads");
  }

  private UrlModelSource source(List<String> hosts, Map<String, String> env, String... regexes)
      throws IOException {
    DownloadLimits limits =
        new DownloadLimits(
            100_000, Duration.ofSeconds(20), Duration.ofSeconds(20), Duration.ofSeconds(60));
    return source(hosts, env, limits, regexes);
  }

  private UrlModelSource source(
      List<String> hosts, Map<String, String> env, DownloadLimits limits, String... regexes)
      throws IOException {
    SslContext tls = SslContextBuilder.forClient().build();
    source =
        new UrlModelSource(
            workspace.source(),
            new RemoteSettings(
                new AllowedUrls(
                    Arrays.stream(regexes)
                        .map(text -> Pattern.compile(text, Pattern.CASE_INSENSITIVE))
                        .toList()),
                hosts.stream().map(PrivateHost::parse).toList(),
                limits,
                cache(),
                env),
            System::nanoTime,
            network,
            tls);
    return source;
  }

  private static ModelLocation api(String url) throws ArchiveException {
    return ModelLocation.parse(url, false, false);
  }

  private static ModelLocation operator(String url) throws ArchiveException {
    return ModelLocation.parse(url, true, false);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> paths = Files.walk(workspace.root())) {
      return paths.filter(Files::isRegularFile).toList();
    }
  }

  /** Opens what must be refused, with no connection made and nothing stored. */
  private ArchiveException refusal(ModelLocation location) throws IOException {
    ArchiveException e = expectThrows(ArchiveException.class, () -> source.open(location));
    assertEquals(files(), List.of(), e.getMessage());
    return e;
  }

  private void assertNoConnection() {
    assertEquals(network.connected(), List.of());
    assertEquals(server.requests(), List.of());
  }

  @Test
  public void anAllowedUrlIsDownloadedIntoAPrivateCacheAndGoesWithTheModel() throws Exception {
    source(List.of(), Map.of(), "http://models\\.example/.*");
    ModelArchive archive = source.open(api("HTTP://Models.Example:80/./m.mar"));
    assertEquals(Files.readString(archive.directory().resolve("handler.py")), "code");
    assertEquals(archive.fileName(), "m.mar");
    assertEquals(network.connected().get(0).getAddress().getHostAddress(), PUBLIC);
    assertTrue(server.requests().get(0).contains("host: models.example"));
    Path cached = cache().resolve(Sha256.hexOf(Files.newInputStream(onlyFileOf(cache()))));
    assertTrue(Files.exists(cached));
    assertEquals(permissions(cache()), "rwx------");
    assertEquals(permissions(cached), "rw-------");
    source.release(archive);
    assertEquals(files(), List.of());
  }

  @Test
  public void oneArchiveOfTwoUrlsIsKeptUntilTheLastModelGoes() throws Exception {
    server.ok("/other.mar", mar);
    source(List.of(), Map.of(), "http://models\\.example/.*");
    ModelArchive first = source.open(api("http://models.example/m.mar"));
    ModelArchive second = source.open(api("http://models.example/other.mar"));
    Path cached = onlyFileOf(cache());
    source.release(first);
    assertTrue(Files.exists(cached));
    assertTrue(Files.exists(second.directory().resolve("handler.py")));
    source.release(second);
    assertEquals(files(), List.of());
  }

  @Test
  public void whatIsInTheCacheByItsDigestIsNotDownloadedAgain() throws Exception {
    source(List.of(), Map.of(), "http://models\\.example/.*");
    ModelArchive first = source.open(api("http://models.example/m.mar"));
    String digest = onlyFileOf(cache()).getFileName().toString();
    ModelArchive second = source.open(api("http://models.example/x.mar#sha256=" + digest));
    assertEquals(server.requests().size(), 1);
    assertEquals(second.url(), "http://models.example/x.mar#sha256=" + digest);
    source.release(first);
    source.release(second);
    assertEquals(files(), List.of());
  }

  @Test
  public void anotherDigestThanTheOneGivenIsRefused() throws Exception {
    source(List.of(), Map.of(), "http://models\\.example/.*");
    String other = "0".repeat(64);
    ArchiveException e = refusal(api("http://models.example/m.mar#sha256=" + other));
    assertEquals(e.reason(), Reason.DOWNLOAD_FAILED);
    assertTrue(e.detail().orElseThrow().endsWith("expected " + other), e.detail().toString());
    workspace.put("m.mar", mar);
    ArchiveException stored =
        expectThrows(ArchiveException.class, () -> source.open(api("m.mar#sha256=" + other)));
    assertEquals(stored.reason(), Reason.INVALID);
    String digest = Sha256.hex(Sha256.newDigest().digest(mar));
    source.release(source.open(api("m.mar#sha256=" + digest)));
    expectThrows(ArchiveException.class, () -> api("m.mar#sha256=abc"));
  }

  @Test
  public void byDefaultTheApiHasTheStoreAndNothingElse() throws Exception {
    source(List.of(), AWS);
    for (String url :
        List.of(
            "http://models.example/m.mar",
            "https://models.example/m.mar",
            "s3://bucket/m.mar",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data/",
            "http://127.0.0.1:8081/models",
            "ftp://models.example/m.mar")) {
      ArchiveException e = refusal(api(url));
      assertEquals(e.reason(), Reason.NOT_FOUND);
      assertEquals(e.getMessage(), "Given URL " + url + " does not match any allowed URL(s)");
      assertTrue(
          e.detail().orElseThrow().contains(url.startsWith("ftp") ? "scheme" : "allowed_urls"));
    }
    assertNoConnection();
    assertEquals(network.asked(), List.of());
    workspace.put("m.mar", mar);
    source.release(source.open(api("m.mar")));
  }

  @Test
  public void refusalShowsTheLineThatOpensTheFolderOfTheUrl() throws Exception {
    for (String url :
        List.of(
            "https://models.example/team/v1.0/m.mar?token=secret",
            "http://[2001:db8::1]:8080/a+b/c,d/m.mar",
            "s3://bucket/m.mar",
            "file:///srv/models/m.mar")) {
      source(List.of(), AWS);
      String detail = refusal(api(url)).detail().orElseThrow();
      String line = detail.substring(detail.indexOf("allowed_urls=") + "allowed_urls=".length());
      assertFalse(line.contains(",") || line.contains("\\") || line.contains("secret"), line);
      AllowedUrls opened = new AllowedUrls(List.of(Pattern.compile(line)));
      assertTrue(opened.allows(ModelUrl.parse(url).text()), line);
      assertFalse(opened.allows("https://elsewhere.example/m.mar"), line);
    }
  }

  @DataProvider
  public Object[][] addressesInside() {
    return new Object[][] {
      {"http://169.254.169.254/latest/meta-data/iam"},
      {"http://127.0.0.1:8081/models"},
      {"http://127.1/m.mar"},
      {"http://2130706433/m.mar"},
      {"http://0x7f000001/m.mar"},
      {"http://0177.0.0.1/m.mar"},
      {"http://0/m.mar"},
      {"http://0.0.0.0/m.mar"},
      {"http://[::]/m.mar"},
      {"http://[::1]/m.mar"},
      {"http://[::ffff:127.0.0.1]/m.mar"},
      {"http://[::ffff:a9fe:a9fe]/m.mar"},
      {"http://[64:ff9b::a9fe:a9fe]/m.mar"},
      {"http://[2002:a9fe:a9fe::]/m.mar"},
      {"http://[fd00:ec2::254]/m.mar"},
      {"http://10.0.0.1/m.mar"},
      {"http://100.100.100.200/m.mar"},
      {"http://localhost/m.mar"},
      {"http://localhost./m.mar"},
      {"http://rebound.example/m.mar"},
      {"http://two-faced.example/m.mar"},
      {"http://models.example@127.0.0.1/m.mar"},
      {"http://127.0.0.1#@models.example/m.mar"},
      {"http://127.0.0.1\\@models.example/m.mar"},
      {"https://metadata.google.internal/computeMetadata/v1/"},
      {"file:///etc/passwd"},
      {"FILE:/etc/passwd"},
      {"file://localhost/etc/passwd"},
    };
  }

  @Test(dataProvider = "addressesInside")
  public void aListThatAllowsEverythingOpensNothingInside(String url) throws Exception {
    network.name("localhost", "127.0.0.1", "::1");
    network.name("rebound.example", "127.0.0.1");
    network.name("two-faced.example", PUBLIC, "10.0.0.1");
    network.name("metadata.google.internal", "169.254.169.254");
    source(List.of(), Map.of(), "(http|https|s3)://.*");
    ArchiveException e = refusal(api(url));
    assertEquals(e.reason(), Reason.NOT_FOUND, e.getMessage());
    assertNoConnection();
  }

  @DataProvider
  public Object[][] bypasses() {
    return new Object[][] {
      {"http://models.example/good/../m.mar"},
      {"http://models.example/good/%2e%2e/m.mar"},
      {"http://models.example/good/.%2E/m.mar"},
      {"http://models.example/good/%252e%252e/m.mar"},
      {"http://models.example/good/%25252e%25252e/m.mar"},
      {"http://models.example/good/..%2fm.mar"},
      {"http://models.example/good/..%5cm.mar"},
      {"http://models.example/good/..\\m.mar"},
      {"http://models.example/m.mar?/good/"},
      {"http://models.example/m.mar#http://models.example/good/"},
      {"http://models.example:81/good/m.mar"},
      {"http://evil.example/http://models.example/good/m.mar"},
      {"http://models.example.evil.example/good/m.mar"},
      {"https://models.example/good/m.mar"},
      {"http://models.example/good\n/m.mar"},
    };
  }

  @Test(dataProvider = "bypasses")
  public void whatOnlyLooksAllowedIsNot(String url) throws Exception {
    network.name("evil.example", PUBLIC).name("models.example.evil.example", PUBLIC);
    source(List.of(), Map.of(), "http://models\\.example/good/.*");
    assertEquals(refusal(api(url)).reason(), Reason.NOT_FOUND);
    assertNoConnection();
  }

  @Test
  public void everyRedirectionIsCheckedLikeTheFirstUrl() throws Exception {
    network.name("inside.example", "10.0.0.1");
    source(List.of(), Map.of(), "https?://[a-z]*\\.example/.*");
    for (String location :
        List.of(
            "http://169.254.169.254/latest/",
            "http://inside.example/m.mar",
            "http://127.0.0.1:1/",
            "file:///etc/passwd",
            "s3://bucket/key",
            "http://user@models.example/m.mar",
            "http://models.example/%2e%2e/m.mar",
            "../m.mar",
            "gopher://models.example/")) {
      network.connected().clear();
      server.redirect("/away", location);
      ArchiveException e = refusal(api("http://models.example/away"));
      assertEquals(e.reason(), Reason.NOT_FOUND, location);
      assertEquals(network.connected().size(), 1, location);
    }
  }

  @Test
  public void redirectionsAreFollowedWhereTheyAreAllowed() throws Exception {
    server.redirect("/1", "/2").redirect("/2", "http://cdn.example/m.mar?sig=s");
    server.ok("/m.mar?sig=s", mar);
    network.name("cdn.example", "1.1.1.1");
    source(List.of(), Map.of(), "http://(models|cdn)\\.example/.*");
    source.release(source.open(api("http://models.example/1")));
    assertEquals(network.connected().get(2).getAddress().getHostAddress(), "1.1.1.1");
    server.redirect("/loop", "/loop");
    ArchiveException e = refusal(api("http://models.example/loop"));
    assertEquals(e.detail(), Optional.of("more than 5 redirections"));
    assertEquals(network.connected().size(), 3 + 6);
  }

  @Test
  public void privateHostsNeedAnEntryOfTheirOwnAndStillAnAllowedUrl() throws Exception {
    network.name("minio.internal", "10.0.0.9");
    source(List.of("minio.internal:9000"), Map.of(), "http://minio\\.internal(:[0-9]+)?/.*");
    source.release(source.open(api("http://minio.internal:9000/m.mar")));
    assertEquals(refusal(api("http://minio.internal/m.mar")).reason(), Reason.NOT_FOUND);
    source.close();
    source(List.of("minio.internal:9000"), Map.of());
    assertEquals(refusal(api("http://minio.internal:9000/m.mar")).reason(), Reason.NOT_FOUND);
    assertEquals(network.connected().size(), 1);
  }

  @Test
  public void whatTheOperatorNamesIsAllowedByBeingNamed() throws Exception {
    server
        .redirect("/inside", "http://10.0.0.2/m.mar")
        .redirect("/cdn", "http://cdn.example/m.mar");
    network.name("cdn.example", "1.1.1.1");
    source(List.of(), Map.of());
    source.release(source.open(operator("http://10.0.0.1:9000/m.mar")));
    source.release(source.open(operator("http://10.0.0.1:9000/cdn")));
    assertEquals(refusal(operator("http://10.0.0.1:9000/inside")).reason(), Reason.NOT_FOUND);
    Path file = Files.write(workspace.root().resolve("elsewhere.mar"), mar);
    source.release(source.open(operator("file://" + file)));
    assertTrue(Files.exists(file));
  }

  @Test
  public void filesThatAreAllowedAreUsedInPlaceUnlessALinkLeadsElsewhere() throws Exception {
    Path shared = Files.createDirectory(workspace.root().resolve("shared"));
    Path other = Files.write(workspace.root().resolve("other.mar"), mar);
    Files.write(shared.resolve("a b.mar"), mar);
    Files.createSymbolicLink(shared.resolve("link.mar"), other);
    Files.createDirectory(shared.resolve("folder"));
    source(List.of(), Map.of(), "file://" + Pattern.quote(shared.toString()) + "/.*");
    ModelArchive archive = source.open(api("file://" + shared + "/a%20b.mar"));
    assertEquals(archive.fileName(), "a b.mar");
    source.release(archive);
    for (String name : List.of("link.mar", "folder", "none.mar", "%2e%2e/other.mar", "a%00b")) {
      ArchiveException e =
          expectThrows(
              ArchiveException.class, () -> source.open(api("file://" + shared + "/" + name)));
      assertEquals(e.reason(), Reason.NOT_FOUND, name);
    }
  }

  @Test
  public void signedUrlsAndPasswordsAreShownNowhere() throws Exception {
    server.ok("/m.mar?X-Amz-Signature=hidden", mar);
    source(List.of(), Map.of(), "http://models\\.example/.*");
    ModelArchive archive = source.open(api("http://models.example/m.mar?X-Amz-Signature=hidden"));
    assertEquals(archive.url(), "http://models.example/m.mar");
    source.release(archive);
    for (String url :
        List.of(
            "http://user:hidden@models.example/m.mar",
            "http:/\\user:hidden@h/m.mar",
            "http://models.example/missing?token=hidden",
            "http://elsewhere.example/?token=hidden",
            "http://models.example/m.mar#hidden")) {
      server.respond(
          "/missing?token=hidden", "HTTP/1.1 404 hidden\nContent-Length: 0", new byte[0]);
      ArchiveException e = refusal(api(url));
      assertFalse((e.getMessage() + e.detail()).contains("hidden"), e.getMessage() + e.detail());
    }
  }

  @DataProvider
  public Object[][] brokenResponses() {
    byte[] none = new byte[0];
    return new Object[][] {
      {"HTTP/1.1 404 Not Found\nContent-Length: 0", none, "status 404"},
      {"HTTP/1.1 500 X\nContent-Length: 0", none, "status 500"},
      {"HTTP/1.1 206 Partial\nContent-Length: 0", none, "status 206"},
      {"HTTP/1.1 101 Switching\nUpgrade: x", none, "status 101"},
      {"HTTP/1.1 302 Found\nContent-Length: 0", none, "status 302"},
      {"HTTP/1.1 200 OK\nContent-Length: 100", new byte[50], "closed the connection"},
      {"HTTP/1.1 200 OK\nContent-Length: 100001", none, "model_download_max_bytes"},
      {"HTTP/1.1 200 OK\nX: y", new byte[100_001], "model_download_max_bytes"},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", Archives.utf8("5\r\nab"), "closed the"},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", Archives.utf8("zz\r\n"), "HTTP/1.1"},
      {"SSH-2.0-OpenSSH_9.6", none, "HTTP/1.1"},
      {"HTTP/1.1 200 OK\nX: " + "y".repeat(70_000), none, "HTTP/1.1"},
    };
  }

  @Test(dataProvider = "brokenResponses")
  public void aBrokenResponseIsAFailedDownloadThatLeavesNothing(
      String head, byte[] body, String reason) throws Exception {
    server.respond("/broken.mar", head, body);
    source(List.of(), Map.of(), "http://models\\.example/.*");
    ArchiveException e = refusal(api("http://models.example/broken.mar"));
    assertEquals(e.reason(), Reason.DOWNLOAD_FAILED);
    assertEquals(
        e.getMessage(), "Failed to download archive from: http://models.example/broken.mar");
    assertTrue(e.detail().orElseThrow().contains(reason), e.detail().toString());
  }

  @Test
  public void anArchiveThatCannotBeUnpackedLeavesNothing() throws Exception {
    server.ok("/text.mar", Archives.utf8("root:x:0:0"));
    source(List.of(), Map.of(), "http://models\\.example/.*");
    ArchiveException e = refusal(api("http://models.example/text.mar"));
    assertEquals(e.reason(), Reason.INVALID);
    assertFalse(e.getMessage().contains("root"), e.getMessage());
  }

  @Test
  public void silenceAndSlownessEnd() throws Exception {
    DownloadLimits silent =
        new DownloadLimits(
            1000, Duration.ofSeconds(20), Duration.ofMillis(100), Duration.ofSeconds(60));
    source(List.of(), Map.of(), silent, "http://models\\.example/.*");
    ArchiveException e = refusal(api("http://models.example/silent"));
    assertTrue(e.detail().orElseThrow().contains("model_download_read_timeout"));
    source.close();
    DownloadLimits slow =
        new DownloadLimits(
            1000, Duration.ofSeconds(20), Duration.ofSeconds(60), Duration.ofMillis(100));
    source(List.of(), Map.of(), slow, "http://models\\.example/.*");
    e = refusal(api("http://models.example/silent"));
    assertTrue(e.detail().orElseThrow().contains("model_download_timeout"), e.detail().toString());
  }

  @Test
  public void s3RequestsAreSignedAndGoToTheEndpointThatTheOperatorSet() throws Exception {
    server.ok("/bucket/a/m.mar", mar);
    network.name("minio.internal", "10.0.0.9");
    Map<String, String> environment =
        Map.of(
            "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY", "secret-of-the-test",
            "AWS_SESSION_TOKEN", "session",
            "AWS_DEFAULT_REGION", "us-east-1",
            "AWS_ENDPOINT_URL", "http://minio.internal:9000");
    source(List.of(), environment, "s3://bucket/.*");
    ModelArchive archive = source.open(api("s3://bucket/a/m.mar"));
    assertEquals(archive.url(), "s3://bucket/a/m.mar");
    source.release(archive);
    List<String> request = server.requests().get(0);
    assertTrue(request.contains("host: minio.internal:9000"), request.toString());
    assertTrue(request.contains("x-amz-security-token: session"), request.toString());
    assertTrue(
        request.stream().anyMatch(line -> line.startsWith("authorization: AWS4-HMAC-SHA256 ")));
    assertFalse(request.toString().contains("secret-of-the-test"));
    assertEquals(refusal(api("s3://other-bucket/m.mar")).reason(), Reason.NOT_FOUND);
    assertEquals(refusal(api("http://minio.internal:9000/x")).reason(), Reason.NOT_FOUND);
    server.redirect("/bucket/moved", "http://models.example/m.mar");
    assertTrue(
        refusal(api("s3://bucket/moved")).detail().orElseThrow().contains("AWS_DEFAULT_REGION"));
    assertEquals(server.requests().size(), 2);
  }

  @Test
  public void s3WithoutCredentialsSaysWhatIsMissing() throws Exception {
    source(List.of(), Map.of(), "s3://bucket/.*");
    ArchiveException e = refusal(api("s3://bucket/m.mar"));
    assertEquals(e.reason(), Reason.DOWNLOAD_FAILED);
    assertTrue(e.detail().orElseThrow().contains("AWS_ACCESS_KEY_ID"));
    assertNoConnection();
  }

  @Test
  public void signingIsForAwsAlone() throws Exception {
    source(List.of(), AWS, "https?://.*");
    refusal(ModelLocation.parse("http://models.example/m.mar", false, true));
    assertNoConnection();
  }

  private static Path onlyFileOf(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertEquals(all.size(), 1, all.toString());
      return all.get(0);
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
