package org.tsnext.archive;

import static org.testng.Assert.assertEquals;

import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class ModelLocationTest {

  @DataProvider
  public Object[][] locations() {
    return new Object[][] {
      {"m.mar", "m.mar"},
      {"/models/m@1?v=2", "/models/m@1?v=2"},
      {"https://h/m.mar", "https://h/m.mar"},
      {"https://me:pass@h/m.mar", "https://***@h/m.mar"},
      {"https://h/m.mar?version=3", "https://h/m.mar?version=3"},
      {"https://h/m.mar?versionId=3&download=true", "https://h/m.mar?versionId=3&download=true"},
      {"https://h/get?file=m.mar#sha256=ab", "https://h/get?file=m.mar#sha256=ab"},
      {"https://h/m.mar?version=3#part", "https://h/m.mar?version=3"},
      {"https://h/m.mar?X-Amz-Signature=ab12", "https://h/m.mar"},
      {"https://h/m.mar?version=3&sig=ab12", "https://h/m.mar"},
      {"https://h/m.mar?version=3;key=ab12", "https://h/m.mar"},
      {"https://h/m.mar?versi%6Fn=3&hunter2", "https://h/m.mar"},
      {"https://h/m.mar?hunter2", "https://h/m.mar"},
      {"https://h/m.mar?token=ab#sha256=cd", "https://h/m.mar#sha256=cd"},
    };
  }

  @Test(dataProvider = "locations")
  public void onlyWhatSaysWhichFileIsMeantIsShown(String location, String shown) {
    assertEquals(ModelLocation.publicText(location), shown);
  }
}
