package org.tsnext.core.access;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.util.Arrays;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.OriginCheck.Page;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;

/** A listener on 127.0.0.1 that asks for no token, unless a test says otherwise. */
public class OriginCheckTest {

  private static final String HOST = "127.0.0.1:8080";

  private static List<String> list(String values) {
    return values.isEmpty() ? List.of() : Arrays.asList(values.split("\\|", -1));
  }

  private static OriginCheck open(AllowedPages allowed) {
    return new OriginCheck(allowed, "127.0.0.1", false, true);
  }

  private static void assertRefused(OriginCheck check, Page page, boolean changes) {
    ServingException refusal =
        expectThrows(ServingException.class, () -> check.require(page, changes));
    assertEquals(refusal.kind(), ErrorKind.ORIGIN_REFUSED);
    for (String setting : List.of("cors_allowed_origin", "allowed_hosts")) {
      assertTrue(refusal.getMessage().contains(setting), refusal.getMessage());
    }
  }

  @DataProvider
  public Object[][] foreign() {
    return new Object[][] {
      {"http://evil.example", "", HOST},
      {"https://evil.example", "cross-site", HOST},
      {"null", "", HOST},
      {"null", "cross-site", HOST},
      {"", "cross-site", HOST},
      {"", "same-site", HOST},
      {"http://127.0.0.1:3000", "same-site", HOST},
      {"http://127.0.0.1:3000", "", HOST},
      {"http://127.0.0.1", "", HOST},
      {"https://127.0.0.1:8080", "", HOST},
      {"http://localhost:8080", "", HOST},
      {"http://127.0.0.1:8080.evil.example", "", HOST},
      {"http://127.0.0.1:8080|http://evil.example", "", HOST},
      {"", "same-origin|cross-site", HOST},
      {"", "anything", HOST},
      {"chrome-extension://abcdef", "", HOST},
      {"http://evil.example", "", ""},
      // The page of a stranger whose name now means this machine.
      {"http://evil.example:8080", "same-origin", "evil.example:8080"},
      {"http://evil.example:8080", "", "evil.example:8080"},
    };
  }

  @Test(dataProvider = "foreign")
  public void pagesOfOtherOriginsAreRefused(String origins, String sites, String host) {
    Page page = new Page(list(origins), list(sites), false, host);
    assertRefused(open(AllowedPages.none()), page, true);
    assertRefused(open(AllowedPages.none()), page, false);
  }

  @DataProvider
  public Object[][] own() {
    return new Object[][] {
      {"http://127.0.0.1:8080", "", HOST},
      {"http://127.0.0.1:8080", "same-origin", HOST},
      {"", "same-origin", HOST},
      {"", "none", HOST},
      {"http://localhost", "", "localhost:80"},
      {"http://LOCALHOST:80", "", "localhost"},
      {"http://[::1]:8080", "", "[::1]:8080"},
      // Behind a proxy that changes the host.
      {"https://app.example", "same-origin", HOST},
    };
  }

  @Test(dataProvider = "own")
  public void ownPagesAreServed(String origins, String sites, String host) {
    open(AllowedPages.none()).require(new Page(list(origins), list(sites), false, host), true);
  }

  @Test
  public void ownPageOverTlsHasItsScheme() {
    OriginCheck check = new OriginCheck(AllowedPages.none(), "127.0.0.1", true, true);
    check.require(new Page(List.of("https://localhost"), List.of(), false, "localhost:443"), true);
    assertRefused(
        check, new Page(List.of("http://localhost"), List.of(), false, "localhost"), true);
  }

  @DataProvider
  public Object[][] listed() {
    return new Object[][] {
      {List.of("https://App.example"), List.of(), "https://app.example", true},
      {List.of("https://app.example"), List.of(), "http://app.example", false},
      {List.of("https://app.example"), List.of(), "https://app.example:444", false},
      {List.of("https://app.example"), List.of(), "null", false},
      {List.of("https://app.example"), List.of(), "", false},
      {List.of("*"), List.of(), "null", true},
      {List.of("*"), List.of(), "", true},
      {List.of(), List.of("app.example"), "https://app.example:444", true},
      {List.of(), List.of(".example"), "http://app.example", true},
      {List.of(), List.of(".example"), "http://app.example.evil", false},
      {List.of(), List.of("app.example"), "app.example", false},
      {List.of(), List.of("*"), "null", true},
    };
  }

  @Test(dataProvider = "listed")
  public void settingsNameFurtherOrigins(
      List<String> origins, List<String> hosts, String origin, boolean passes) {
    OriginCheck check = open(new AllowedPages(origins, hosts));
    Page page = new Page(list(origin), List.of("cross-site"), false, HOST);
    if (passes) {
      check.require(page, true);
    } else {
      assertRefused(check, page, true);
    }
  }

  @Test
  public void readersMayBeLedToWhatChangesNothing() {
    Page led = new Page(List.of(), List.of("cross-site"), true, HOST);
    open(AllowedPages.none()).require(led, false);
    assertRefused(open(AllowedPages.none()), led, true);
    assertTrue(Page.navigates("navigate", "document"));
    assertTrue(Page.navigates("navigate", null));
    for (String frame : List.of("iframe", "frame", "embed", "object", "fencedframe")) {
      assertEquals(Page.navigates("navigate", frame), false, frame);
    }
    assertEquals(Page.navigates("no-cors", "document"), false);
    assertEquals(Page.navigates(null, null), false);
  }

  @Test
  public void withTokensOrBeyondLoopbackForeignPagesMayAskAndChangeNothing() {
    Page page = new Page(List.of("http://evil.example"), List.of("cross-site"), false, HOST);
    for (OriginCheck check :
        List.of(
            new OriginCheck(AllowedPages.none(), "127.0.0.1", false, false),
            new OriginCheck(AllowedPages.none(), "0.0.0.0", false, true),
            new OriginCheck(AllowedPages.none(), "", false, true))) {
      check.require(page, false);
      assertRefused(check, page, true);
    }
  }

  @Test
  public void refusalShowsOnlySoMuchOfWhatItWasSent() {
    ServingException refusal =
        expectThrows(
            ServingException.class,
            () ->
                open(AllowedPages.none())
                    .require(new Page(List.of("x".repeat(9000)), List.of(), false, HOST), true));
    assertTrue(refusal.getMessage().length() < 400, refusal.getMessage());
  }
}
