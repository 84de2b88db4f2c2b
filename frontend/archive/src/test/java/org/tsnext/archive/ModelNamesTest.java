package org.tsnext.archive;

import static org.testng.Assert.assertEquals;

import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Names that models get from their files. */
public class ModelNamesTest {

  @DataProvider
  public Object[][] files() {
    return new Object[][] {
      {"digits.mar", "digits"},
      {"a-b.mar", "a_b"},
      {"a-b.tar.gz", "a_b_tar_gz"},
      {"/store/my model.model", "my_model"},
      {"x.model.tgz", "x_model"},
      {"_hidden.mar", "_hidden"},
      {"dir/sub/", "sub"},
      {"plain", "plain"},
      {"v1.2", "v1_2"},
    };
  }

  @Test(dataProvider = "files")
  public void fileGivesTheName(String url, String name) {
    assertEquals(ModelNames.fromUrl(url), name);
  }
}
