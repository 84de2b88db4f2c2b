package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.http.RawClient.RawResponse;

/** The header x-request-timeout-ms. */
public class RequestTimeoutTest extends HttpTestBase {

  @DataProvider
  public Object[][] limits() {
    return new Object[][] {
      {"x-request-timeout-ms: 250", Duration.ofMillis(250)},
      {"X-Request-Timeout-MS:  1 ", Duration.ofMillis(1)},
      {"x-request-timeout-ms: 0030", Duration.ofMillis(30)},
      {"x-request-timeout-ms: 86400001", Duration.ofDays(1)},
      {"x-request-timeout-ms: 999999999999999999", Duration.ofDays(1)},
    };
  }

  @Test(dataProvider = "limits")
  public void limitOfTheClientReachesTheCore(String header, Duration expected) throws Exception {
    assertEquals(send("/predictions/m", header).status(), 200);
    assertEquals(inference.next().timeout(), Optional.of(expected));
    assertEquals(send("/v1/models/m:explain", header).status(), 200);
    assertEquals(inference.next().timeout(), Optional.of(expected));
  }

  @Test
  public void requestWithoutItHasNoLimitOfItsOwn() throws Exception {
    assertEquals(send("/predictions/m", "x-other: 1").status(), 200);
    assertEquals(inference.next().timeout(), Optional.empty());
  }

  @DataProvider
  public Object[][] nonsense() {
    return new Object[][] {
      {"0"},
      {"-5"},
      {"+5"},
      {"1.5"},
      {"10ms"},
      {""},
      {"1e3"},
      {"\u00b2"},
      {"9999999999999999999"},
      {"5\r\nx-request-timeout-ms: 6"},
    };
  }

  @Test(dataProvider = "nonsense")
  public void anythingElseIsRefusedInWords(String value) throws Exception {
    RawResponse response = send("/predictions/m", "x-request-timeout-ms: " + value);
    assertEquals(response.status(), 400);
    assertTrue(response.body().contains("x-request-timeout-ms"), response.body());
    assertTrue(response.body().contains("whole number of milliseconds"), response.body());
    assertTrue(inference.isEmpty());
  }

  private RawResponse send(String path, String header) throws Exception {
    return client().post(path, "x", header);
  }
}
