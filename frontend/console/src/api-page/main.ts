// The description of the listener that this page comes from, shown and tried by Swagger UI.
import "./page.css";

interface SwaggerUi {
  (options: Record<string, unknown>): unknown;
  presets: { apis: unknown };
}

declare const SwaggerUIBundle: SwaggerUi;

SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#api",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  // Nothing is asked of a server outside.
  validatorUrl: null,
  // A token stays in this page.
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
});
