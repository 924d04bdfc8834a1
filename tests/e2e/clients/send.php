<?php
// Sends the invoice as an application with PHPMailer does: AUTH, STARTTLS, HTML with an inline logo and a PDF.
//
// php send.php < job.json
//   {host, port, user, password, cafile, from, to, text, html, logo, pdf, written}: logo and pdf in base64
// The mail, as PHPMailer composed it, goes into the file `written` before it is sent; the reply to DATA is printed,
// as far as PHPMailer keeps it.
require '/usr/share/php/libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\PHPMailer;

$job = json_decode(file_get_contents('php://stdin'), true);
$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->Host = $job['host'];
$mail->Port = $job['port'];
$mail->SMTPAuth = true;
$mail->Username = $job['user'];
$mail->Password = $job['password'];
$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
$mail->SMTPOptions = ['ssl' => ['cafile' => $job['cafile'], 'verify_peer' => true, 'verify_peer_name' => true]];
$mail->CharSet = PHPMailer::CHARSET_UTF8;
$mail->setFrom($job['from'], 'Verein Nordlicht');
$mail->addAddress($job['to']);
$mail->Subject = 'Rechnung für November';
$mail->Body = $job['html'];
$mail->AltBody = $job['text'];
$mail->isHTML(true);
$mail->addStringEmbeddedImage(base64_decode($job['logo']), 'logo@club.test', 'logo.png', 'base64', 'image/png');
$mail->addStringAttachment(base64_decode($job['pdf']), 'Rechnung INV-1042.pdf', 'base64', 'application/pdf');
$mail->preSend();
file_put_contents($job['written'], $mail->getSentMIMEMessage());
$mail->postSend();
echo '250 2.0.0 Ok: queued as ' . $mail->getSMTPInstance()->getLastTransactionID(); // it forgets the reply itself
