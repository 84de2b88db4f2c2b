package org.tsnext.archive.remote;

import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.util.List;
import java.util.regex.Pattern;
import org.testng.annotations.Test;

public class AllowedUrlsTest {

  private static AllowedUrls of(String... regexes) {
    return new AllowedUrls(
        List.of(regexes).stream().map(r -> Pattern.compile(r, Pattern.CASE_INSENSITIVE)).toList());
  }

  @Test
  public void oneExpressionHasToMatchTheWholeUrlInAnyCase() {
    AllowedUrls urls = of("https://a\\.example/.*\\.mar", "s3://models/.*");
    assertTrue(urls.allows("https://a.example/m.mar"));
    assertTrue(urls.allows("https://a.example/M.MAR"));
    assertTrue(urls.allows("s3://models/k"));
    assertFalse(urls.allows("https://a.example/m.mar?x"));
    assertFalse(urls.allows("x https://a.example/m.mar"));
    assertFalse(urls.allows("https://a-example/m.mar"));
    assertFalse(of().allows("https://a.example/m.mar"));
  }

  @Test
  public void anExpressionThatTakesTooLongDoesNotMatch() {
    AllowedUrls urls = of("https://h/(a+)+b", "https://h/(a|a)*c");
    assertFalse(urls.allows("https://h/" + "a".repeat(5000)));
    assertTrue(urls.allows("https://h/aaab"));
  }

  @Test
  public void anExpressionThatRecursesTooDeepDoesNotMatch() {
    assertFalse(of("https://h/(a|b)*c").allows("https://h/" + "ab".repeat(4000)));
  }
}
