package org.tsnext.core.error;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotEquals;

import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class ErrorTypesTest {

  private static final String SERVER = "InternalServerException";

  @Test
  public void noKindBlamesTheServerForTheClient() {
    for (ErrorKind kind : ErrorKind.values()) {
      if (kind.httpStatus() < 500) {
        assertNotEquals(kind.type(), SERVER, kind.name());
      }
    }
  }

  @Test
  public void statusOfAHandlerDecidesTheType() {
    for (int status = 400; status < 500; status++) {
      ServingException error = ServingException.ofHandler(status, "no");
      if (error.httpStatus() < 500) {
        assertNotEquals(error.type(), SERVER, Integer.toString(status));
      }
    }
    for (int status = 500; status < 600; status++) {
      assertEquals(ServingException.ofHandler(status, "no").type(), SERVER);
    }
  }

  @DataProvider
  static Object[][] types() {
    return new Object[][] {
      {400, "BadRequestException"},
      {404, "ResourceNotFoundException"},
      {409, "ConflictStatusException"},
      {418, "BadRequestException"},
      {499, "RequestCancelledException"},
      {200, SERVER},
    };
  }

  @Test(dataProvider = "types")
  public void typesOfHandlersAreThoseOfTheServersOwnErrors(int status, String type) {
    assertEquals(ServingException.ofHandler(status, "no").withDetail("why").type(), type);
  }
}
