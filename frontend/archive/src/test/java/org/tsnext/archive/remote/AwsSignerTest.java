package org.tsnext.archive.remote;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.Test;

/** With the examples of AWS's documentation of Signature Version 4 for S3. */
public class AwsSignerTest {

  private static final String KEY_ID = "AKIAIOSFODNN7EXAMPLE";
  private static final String SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  private static final String HOST = "examplebucket.s3.amazonaws.com";
  private static final Instant NOW = Instant.parse("2013-05-24T00:00:00Z");

  private static String signature(String path, String query, Map<String, String> more) {
    AwsSigner signer =
        new AwsSigner(new AwsCredentials(KEY_ID, SECRET, Optional.empty(), "us-east-1"));
    String header = signer.sign(HOST, path, query, more, NOW).get("authorization");
    assertTrue(
        header.startsWith(
            "AWS4-HMAC-SHA256 Credential=" + KEY_ID + "/20130524/us-east-1/s3/aws4_request,"),
        header);
    return header.substring(header.indexOf("Signature=") + 10);
  }

  @Test
  public void publishedExampleOfAnObject() {
    assertEquals(
        signature("/test.txt", "", Map.of("range", "bytes=0-9")),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  }

  @Test
  public void publishedExampleOfABucketsLifecycle() {
    assertEquals(
        signature("/", "lifecycle=", Map.of()),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  }

  @Test
  public void publishedExampleOfAList() {
    assertEquals(
        signature("/", AwsEncoding.query("?prefix=J&max-keys=2"), Map.of()),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  }

  private static S3Requests requests(Map<String, String> more) {
    Map<String, String> environment =
        new HashMap<>(
            Map.of(
                "AWS_ACCESS_KEY_ID", KEY_ID,
                "AWS_SECRET_ACCESS_KEY", SECRET,
                "AWS_DEFAULT_REGION", "eu-central-1"));
    environment.putAll(more);
    return new S3Requests(environment, Clock.fixed(NOW, ZoneOffset.UTC));
  }

  @Test
  public void bucketsAreHostsAtAwsAndPathsElsewhere() throws Exception {
    ModelUrl url = ModelUrl.parse("s3://my-bucket/a/m+1 .mar".replace(" ", "%20"));
    S3Requests.Signed aws = requests(Map.of()).sign(url);
    assertEquals(
        aws.url().text(), "https://my-bucket.s3.eu-central-1.amazonaws.com/a/m%2B1%20.mar");
    assertFalse(aws.vouchedFor());
    assertEquals(
        requests(Map.of()).sign(ModelUrl.parse("s3://dotted.bucket/k")).url().text(),
        "https://s3.eu-central-1.amazonaws.com/dotted.bucket/k");
    S3Requests.Signed own =
        requests(Map.of("AWS_ENDPOINT_URL_S3", "http://minio.internal:9000")).sign(url);
    assertEquals(own.url().text(), "http://minio.internal:9000/my-bucket/a/m%2B1%20.mar");
    assertTrue(own.vouchedFor());
  }

  @Test
  public void aSessionTokenIsSentAndSigned() throws Exception {
    Map<String, String> headers =
        requests(Map.of("AWS_SESSION_TOKEN", "tok"))
            .sign(ModelUrl.parse("s3://my-bucket/k"))
            .headers();
    assertEquals(headers.get("x-amz-security-token"), "tok");
    assertTrue(headers.get("authorization").contains("x-amz-security-token"));
  }

  @Test
  public void nothingButAwsAndTheEndpointIsGivenASignature() throws Exception {
    ModelUrl foreign = ModelUrl.parse("https://evil.example/amazonaws.com");
    DownloadException e =
        expectThrows(DownloadException.class, () -> requests(Map.of()).sign(foreign));
    assertTrue(e.getMessage().contains("evil.example"), e.getMessage());
    ModelUrl plain = ModelUrl.parse("http://b.s3.eu-central-1.amazonaws.com/k");
    expectThrows(DownloadException.class, () -> requests(Map.of()).sign(plain));
    ModelUrl aws = ModelUrl.parse("https://b.s3.eu-central-1.amazonaws.com/k?x=y");
    assertEquals(requests(Map.of()).sign(aws).url(), aws);
  }

  @Test
  public void whatIsMissingIsNamedAndNothingSecretIs() throws Exception {
    for (String name :
        new String[] {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}) {
      DownloadException e =
          expectThrows(
              DownloadException.class,
              () -> requests(Map.of(name, " ")).sign(ModelUrl.parse("s3://my-bucket/k")));
      assertTrue(e.getMessage().contains(name), e.getMessage());
      assertFalse(e.getMessage().contains(SECRET), e.getMessage());
    }
    expectThrows(
        DownloadException.class,
        () ->
            requests(Map.of("AWS_DEFAULT_REGION", "x.evil/"))
                .sign(ModelUrl.parse("s3://my-bucket/k")));
    assertFalse(
        new AwsCredentials(KEY_ID, SECRET, Optional.of("tok"), "r").toString().contains(SECRET));
  }
}
