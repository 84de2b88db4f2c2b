package org.tsnext.http;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotNull;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.testng.annotations.Test;

/** The management reference says what the route table and the descriptions say. */
public class ManagementReferenceTest extends HttpTestBase {

  @Test
  public void managementPageIsTheRouteTable() throws Exception {
    String described = management().request("OPTIONS", "/", null).read().body();
    JsonObject document = JsonParser.parseString(described).getAsJsonObject();
    String expected = new ManagementReference(document).markdown();
    Path page = ManagementReference.page();
    if (Boolean.getBoolean("tsnext.writeDocuments")) {
      Files.writeString(page, expected);
    }
    assertEquals(Files.readString(page), expected, page + " is not what the routes say");
  }

  @Test
  public void everyMemberOfADescriptionIsOnThePage() throws Exception {
    String page = Files.readString(ManagementReference.page());
    Set<String> members = new TreeSet<>();
    for (String target : new String[] {"/models", "/models/cats/all", "/v1/models/cats"}) {
      collect(JsonParser.parseString(management().get(target).body()), members);
    }
    assertTrue(members.contains("windowEnd"), members.toString());
    for (String member : members) {
      assertTrue(page.contains("`" + member + "`"), member + " is not on " + page());
    }
  }

  @Test
  public void everyMemberOfADescriptionIsInItsSchema() throws Exception {
    String described = management().request("OPTIONS", "/", null).read().body();
    JsonObject schemas =
        JsonParser.parseString(described)
            .getAsJsonObject()
            .getAsJsonObject("components")
            .getAsJsonObject("schemas");
    JsonElement descriptions = JsonParser.parseString(management().get("/models/cats/all").body());
    check(descriptions, schemas.getAsJsonObject("ModelVersions"));
  }

  private static void check(JsonElement json, JsonObject schema) {
    if (json.isJsonArray()) {
      json.getAsJsonArray().forEach(each -> check(each, schema.getAsJsonObject("items")));
    } else if (json.isJsonObject() && schema.has("properties")) {
      for (Map.Entry<String, JsonElement> member : json.getAsJsonObject().entrySet()) {
        JsonObject known = schema.getAsJsonObject("properties").getAsJsonObject(member.getKey());
        assertNotNull(known, member.getKey() + " has no schema");
        check(member.getValue(), known);
      }
    }
  }

  private static Path page() {
    return ManagementReference.page();
  }

  private static void collect(JsonElement json, Set<String> members) {
    if (json.isJsonArray()) {
      json.getAsJsonArray().forEach(each -> collect(each, members));
    } else if (json.isJsonObject()) {
      json.getAsJsonObject()
          .entrySet()
          .forEach(
              member -> {
                members.add(member.getKey());
                collect(member.getValue(), members);
              });
    }
  }
}
