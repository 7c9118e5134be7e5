/**
 * The RSA key of the tests of mutable files, 2048 bits, as PKCS#8 DER in base64: made once, so that the caps in the
 * tests stay the same. It protects nothing.
 */
export const TEST_KEY_BASE64 = [
  "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDA2h/plO3th0iotZ1UOdLZnI8mbo2opNIox4QGf8i7aCGy0PQ8zJYMSJki",
  "yFM2LtgqwJSz3ySyWXNvcrSlprCLjxVLZaAPkMQm9KK4F7LDn6fwgXhJArnyP2BEmezZvW0R++T83SwJhfH67qjNDGz138m9/yzgdIyegi2c",
  "BUJQ2qJmY5F+aQtP1Jgt8U4EiK0Z4Wtva5ugyA+gII+Lpp9KKe+5FN45I7s4g/8xOmk0Z+bRSWs+9tDavlvMh/SqptiU0qSn41hP182rhElK",
  "EMpz3LkoRIYeYkIysWTXMMgF6QWKo7itO51f4lNFr3ITpNb0QBQkL7zwCkrNcVIekDhxAgMBAAECggEABsWeD2JpOrEYgUKb3UNYyucNTIvf",
  "JfHwNon/gggqjwCihsxBOFGVjwW9WWAkEmPxl6o6qoiKWggrtlkWfHbijgsCpBqz5LoIVkcav+jGoGmOwNJ2DCfIKmhU78HBNDnrbqFMFqBI",
  "WacCQtXOuAEQwi9HHviq/XCAR9hhxD/Xxt2f30WZ82Y5JLIggknvyuaOpoH8wmHmrS4Vjm6ElshEfnxO1KOBhy9/GF2qY9nUISPjYZ8a1OBW",
  "4qEQuLabG7/M7w4J214m3PyoHtnFbiFt5to/WwU7DOQKJp2EFnjwVGmrc8tUHiuNnhfAeAEuVvMsgA+SpxXB2qi98w/ls5GIIQKBgQD0gMVN",
  "fBE7OAivKaunlt4f6dYLLHUET/bICIh2vciBTnQKVUKVo+O4iQVgwTS7RcJIKI6tuA6+Wdt0X5HFbkK2/o4TwUe8e+p5DWurYeGvm/k9KlV9",
  "7w/wURh/jmDmKSKBd1bqBdz8piHKLHz0G8dzKQQA0y57fj9vawPVNNkZIQKBgQDJ65mxpNbxSVhZkvHM2jZZCUobZajViDNKlHpi5h7F34hy",
  "YTfuoyqUTR1hO3/GgYnepjpjM5T+svpg54iVW3ONbiQJsq2hv/iU68EbyXSXj8ft2E+ROFfJcORGBD/8hWcbbC9b6no/AxaYKC1fF12GJCZT",
  "MV3tEhY16F1l8g2lUQKBgAJq44iImYMEYtGYj+HwU/Hs1fj2T5HjWIVR0EecSMc+h1cy0J26KR5B/JOgVW0km28rN33wO/UV3l2gNEjHdlFo",
  "4u6/En6CmybnQxFGvnyGBkjcikvceUPfCWb5eWvNLFIrY+icdjrpSZw+JF4liCtTVH7Nl8AQ13+6hycshpkBAoGAU+iF695WO9qAzmhT9w7O",
  "+tzzYMM0D9gTiHB/E04Rh6TGbNGdjptbfFk3VkqFZJY8Frv5E3RB/D2f8lkE1xwzvpgAfc80fDzsLeZyTvu+aaUkLeBv4CcLw/gXxEjL1kIR",
  "gMHKRGYB+uFrqDs574QkJzQqgPPI1lVnyWsQNOcLaKECgYAPwoyFF47VQEx7XxGkBb/IvkDlGc79TFRYw34AMP21m/ojBF+XdZdUU1r3naJk",
  "QnbSZqOm0jgBNNU18mphHAoX+9GLgPBj/ywOQsvSnIixv8a4bwwIAmaVG7SNBVng94KaN4iMcFV3l4x9ZA9JkZnh9gr1oAkCMcVnjLrofGHu",
  "ww==",
].join("");
