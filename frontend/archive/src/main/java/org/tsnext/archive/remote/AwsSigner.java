package org.tsnext.archive.remote;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.tsnext.archive.Sha256;

/**
 * Signs a GET to S3 with AWS Signature Version 4, in the request's header. The whole SDK of AWS
 * would be a hundred times larger than this; AWS publishes the examples that the tests check it
 * with.
 */
final class AwsSigner {

  private static final String ALGORITHM = "AWS4-HMAC-SHA256";
  private static final String SERVICE = "s3";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
  private static final String NO_BODY = Sha256.hexOf("");
  private static final int DATE_LENGTH = 8;

  private final AwsCredentials credentials;

  AwsSigner(AwsCredentials credentials) {
    this.credentials = credentials;
  }

  /**
   * The headers to send beside {@code host}.
   *
   * @param path encoded as AWS wants it, as {@link AwsEncoding} does
   * @param query parameters, encoded and sorted likewise, without the question mark
   * @param more headers that are sent and signed as well
   */
  Map<String, String> sign(
      String host, String path, String query, Map<String, String> more, Instant now) {
    String time = TIME.format(now);
    SortedMap<String, String> headers = new TreeMap<>(more);
    headers.put("x-amz-content-sha256", NO_BODY);
    headers.put("x-amz-date", time);
    credentials.sessionToken().ifPresent(token -> headers.put("x-amz-security-token", token));
    SortedMap<String, String> signed = new TreeMap<>(headers);
    signed.put("host", host);
    StringBuilder canonical = new StringBuilder("GET\n" + path + "\n" + query + "\n");
    signed.forEach((name, value) -> canonical.append(name + ":" + value.strip() + "\n"));
    String names = String.join(";", signed.keySet());
    canonical.append("\n" + names + "\n" + NO_BODY);
    String date = time.substring(0, DATE_LENGTH);
    String scope = date + "/" + credentials.region() + "/" + SERVICE + "/aws4_request";
    String toSign =
        ALGORITHM + "\n" + time + "\n" + scope + "\n" + Sha256.hexOf(canonical.toString());
    headers.put(
        "authorization",
        ALGORITHM
            + " Credential="
            + credentials.accessKeyId()
            + "/"
            + scope
            + ",SignedHeaders="
            + names
            + ",Signature="
            + Sha256.hex(hmac(key(date), toSign)));
    return headers;
  }

  private byte[] key(String date) {
    byte[] key = ("AWS4" + credentials.secretAccessKey()).getBytes(StandardCharsets.UTF_8);
    for (String part : new String[] {date, credentials.region(), SERVICE, "aws4_request"}) {
      key = hmac(key, part);
    }
    return key;
  }

  private static byte[] hmac(byte[] key, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }
}
