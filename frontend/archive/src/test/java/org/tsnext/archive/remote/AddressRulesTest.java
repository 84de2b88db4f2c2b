package org.tsnext.archive.remote;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class AddressRulesTest {

  private static InetAddress address(String text) throws Exception {
    return InetAddress.getByAddress(NetUtil.createByteArrayFromIpAddressString(text));
  }

  @DataProvider
  public Object[][] special() {
    return new Object[][] {
      {"0.0.0.0"},
      {"0.1.2.3"},
      {"10.0.0.1"},
      {"100.64.0.1"},
      {"100.127.255.255"},
      {"127.0.0.1"},
      {"127.255.0.1"},
      {"169.254.169.254"},
      {"172.16.0.1"},
      {"172.31.255.255"},
      {"192.0.0.192"},
      {"192.0.2.1"},
      {"192.88.99.1"},
      {"192.168.1.1"},
      {"198.18.0.1"},
      {"198.19.255.255"},
      {"198.51.100.1"},
      {"203.0.113.1"},
      {"224.0.0.1"},
      {"239.255.255.255"},
      {"240.0.0.1"},
      {"255.255.255.255"},
      {"::"},
      {"::1"},
      {"::7f00:1"},
      {"::ffff:127.0.0.1"},
      {"::ffff:169.254.169.254"},
      {"::ffff:10.0.0.1"},
      {"64:ff9b::7f00:1"},
      {"64:ff9b::a00:1"},
      {"64:ff9b:1::1"},
      {"100::1"},
      {"2001::1"},
      {"2001:10::1"},
      {"2001:db8::1"},
      {"2002:7f00:1::"},
      {"2002:a9fe:a9fe::1"},
      {"3fff::1"},
      {"fc00::1"},
      {"fd00:ec2::254"},
      {"fe80::1"},
      {"fec0::1"},
      {"ff02::1"},
      {"5f00::1"},
    };
  }

  @Test(dataProvider = "special")
  public void notPublic(String text) throws Exception {
    assertFalse(SpecialAddresses.isPublic(address(text)), text);
  }

  @DataProvider
  public Object[][] ordinary() {
    return new Object[][] {
      {"1.1.1.1"},
      {"9.255.255.255"},
      {"11.0.0.0"},
      {"100.63.255.255"},
      {"100.128.0.0"},
      {"172.15.255.255"},
      {"172.32.0.0"},
      {"192.167.255.255"},
      {"192.169.0.0"},
      {"223.255.255.255"},
      {"2606:4700::1111"},
      {"2a00:1450::1"},
      {"::ffff:1.1.1.1"},
    };
  }

  @Test(dataProvider = "ordinary")
  public void isPublic(String text) throws Exception {
    assertTrue(SpecialAddresses.isPublic(address(text)), text);
  }

  private static boolean allows(String entry, String url, String address) throws Exception {
    AddressRules rules = new AddressRules(List.of(PrivateHost.parse(entry)));
    try {
      rules.check(ModelUrl.parse(url), List.of(address(address)), false);
      return true;
    } catch (RefusedUrlException e) {
      return false;
    }
  }

  @Test
  public void entriesOpenWhatTheySayAndNothingElse() throws Exception {
    assertTrue(allows("10.1.0.0/16", "http://any/", "10.1.2.3"));
    assertFalse(allows("10.1.0.0/16", "http://any/", "10.2.0.1"));
    assertTrue(allows("127.0.0.1:9000", "http://any:9000/", "127.0.0.1"));
    assertFalse(allows("127.0.0.1:9000", "http://any:9001/", "127.0.0.1"));
    assertFalse(allows("127.0.0.1:9000", "http://any:9000/", "127.0.0.2"));
    assertTrue(allows("[::1]:80", "http://any/", "::1"));
    assertTrue(allows("fd00::/8", "http://any/", "fd00::1"));
    assertTrue(allows("Minio.Internal:9000", "http://minio.internal:9000/", "10.0.0.1"));
    assertFalse(allows("minio.internal:9000", "http://other.internal:9000/", "10.0.0.1"));
    assertFalse(allows("minio.internal:9000", "http://minio.internal/", "10.0.0.1"));
    assertTrue(allows("169.254.169.254", "http://any/", "169.254.169.254"));
    assertTrue(allows("0.0.0.0/0", "http://any/", "169.254.169.254"));
  }

  @Test
  public void aNameNeverOpensMetadataServicesAndMulticast() throws Exception {
    for (String address : List.of("169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1", "::")) {
      assertFalse(allows("minio.internal", "http://minio.internal/", address), address);
    }
  }

  @Test
  public void oneAddressOfManyThatIsNotPublicIsEnoughToRefuse() throws Exception {
    AddressRules rules = new AddressRules(List.of());
    ModelUrl url = ModelUrl.parse("http://two-faced.example/");
    RefusedUrlException e =
        expectThrows(
            RefusedUrlException.class,
            () -> rules.check(url, List.of(address("1.1.1.1"), address("10.0.0.7")), false));
    assertFalse(e.getMessage().contains("10.0.0.7"), e.getMessage());
    assertTrue(e.getMessage().contains("allowed_private_hosts"), e.getMessage());
    rules.check(url, List.of(address("10.0.0.7")), true);
  }

  @DataProvider
  public Object[][] noEntries() {
    return new Object[][] {
      {"10.0.0.0/33"},
      {"10.0.0/8"},
      {"h/8"},
      {"h:0"},
      {"h:65536"},
      {"h:x"},
      {"::1"},
      {"[::1"},
      {"0x7f.1"},
      {"127.1"},
      {"a b"},
      {"h."},
      {""},
      {"fd00::/129"},
      {"10.0.0.0/-1"},
    };
  }

  @Test(dataProvider = "noEntries")
  public void otherEntriesAreRefused(String text) {
    assertEquals(
        expectThrows(IllegalArgumentException.class, () -> PrivateHost.parse(text)).getMessage(),
        text);
  }
}
