/**
 * Lets files that the Node program also checks (services/NAME/ui/page.ts) import an icon as text.
 */
declare module "*.svg?raw" {
  const text: string;
  export default text;
}
